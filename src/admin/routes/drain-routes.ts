// Takes the daemon out of work and back: the same port as the TCP door. A drain goes on when the client hangs up.

import { DRAIN_SECONDS_MAX, type DrainControl } from "../../core/messages/drain-control.ts";
import { z } from "../../core/base/schema.ts";
import { schemaRef } from "./openapi-schemas.ts";
import { controlReply, defineRoute, jsonReply, type Route } from "./route.ts";

const PATH = "/api/drain";
const REPLY = { status: 200, description: "What is in flight, finished and interrupted", schema: schemaRef("Drain") };

const drainBody = z.strictObject({
  /** The answer may wait so long until nothing is in flight. */
  timeout_s: z._default(z.int().check(z.minimum(0), z.maximum(DRAIN_SECONDS_MAX)), 0),
});

export function drainRoutes(drain: DrainControl, closing: AbortSignal): Route[] {
  return [
    defineRoute({
      methods: ["GET"],
      path: PATH,
      access: "token",
      summary: "Whether the daemon drains, and what is in flight",
      replies: [REPLY],
      handle: () => jsonReply(drain.report()),
    }),
    defineRoute({
      methods: ["POST"],
      path: PATH,
      access: "token",
      summary:
        "Take no new issue in any repository; answers when nothing is in flight, at the latest after `timeout_s`",
      body: drainBody,
      replies: [REPLY],
      handle: async ({ body }) => controlReply(await drain.drain(body.timeout_s * 1_000, closing)),
    }),
    defineRoute({
      methods: ["DELETE"],
      path: PATH,
      access: "token",
      summary: "Take the drain back: every repository takes issues again",
      replies: [REPLY],
      handle: () => jsonReply(drain.undrain()),
    }),
  ];
}
