// `POST /api/reload` reads the settings again. The answer names what is wrong in them, and nothing has changed then.

import type { ControlResult, Reloaded } from "../../core/messages/supervisor-control.ts";
import { schemaRef } from "./openapi-schemas.ts";
import { controlReply, defineRoute, type Route } from "./route.ts";

export type Reload = () => Promise<ControlResult<Reloaded>>;

export function reloadRoute(reload: Reload): Route {
  return defineRoute({
    methods: ["POST"],
    path: "/api/reload",
    access: "token",
    summary: "Read the configuration again; workers that it concerns are replaced one by one",
    replies: [
      { status: 200, description: "What changed, and what waits for a restart", schema: schemaRef("Reloaded") },
    ],
    handle: async () => controlReply(await reload()),
  });
}
