// Answers liveness and readiness without data, for service managers and probes, and `ping` with data for token holders.

import type { Hindered, Readiness, SupervisorControl } from "../../core/messages/supervisor-control.ts";
import { schemaRef } from "./openapi-schemas.ts";
import { defineRoute, jsonReply, type Route } from "./route.ts";

const TEXT_TYPE = "text/plain; charset=utf-8";

export function healthRoutes(control: Pick<SupervisorControl, "ping" | "list">, readiness: () => Readiness): Route[] {
  return [
    defineRoute({
      methods: ["GET"],
      path: "/livez",
      access: "public",
      summary: "The process answers",
      replies: [{ status: 200, description: "Alive", type: TEXT_TYPE }],
      handle: () => text(200, "ok"),
    }),
    defineRoute({
      methods: ["GET"],
      path: "/readyz",
      access: "public",
      summary:
        "The daemon has started and can do its work; /api/ping says what is missing, and what is hindered by what",
      replies: [
        { status: 200, description: "Ready", type: TEXT_TYPE },
        { status: 503, description: "Not ready", type: TEXT_TYPE },
      ],
      handle: () => {
        const { ready, draining, problems } = readiness();
        if (!ready) return text(503, "not ready");
        const hindered = hinderedOf(control).length;
        const notes = [
          ...(problems.length === 0 ? [] : ["degraded"]),
          ...(draining ? ["draining"] : []),
          ...(hindered === 0 ? [] : [`${hindered} hindered`]),
        ];
        return text(200, ["ready", ...notes].join(", "));
      },
    }),
    defineRoute({
      methods: ["GET"],
      path: "/api/ping",
      access: "token",
      summary: "Version, boot and readiness of the daemon",
      replies: [{ status: 200, description: "The daemon", schema: schemaRef("Ping") }],
      handle: () => jsonReply({ ...control.ping(), ...readiness(), hindered: hinderedOf(control) }),
    }),
  ];
}

function hinderedOf(control: Pick<SupervisorControl, "list">): Hindered[] {
  return control
    .list()
    .flatMap(({ slug, desired, notice }) => (desired === "running" && notice !== null ? [{ slug, notice }] : []));
}

function text(status: number, line: string): Response {
  return new Response(`${line}\n`, { status, headers: { "content-type": TEXT_TYPE } });
}
