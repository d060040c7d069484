// `POST /api/reload`: the settings are read again. What is wrong in them is named, and then nothing has changed.

import type { ControlResult } from "../../core/messages/supervisor-control.ts";
import { schemaRef } from "./openapi-schemas.ts";
import { controlReply, defineRoute, type Route } from "./route.ts";

export interface Reloaded {
  /** Names of settings and of tokens. */
  readonly changed: readonly string[];
  /** Those that wait for a restart of the daemon. */
  readonly needs_restart: readonly string[];
  /** Slugs of workers that are replaced one by one. */
  readonly restarting: readonly string[];
}

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
