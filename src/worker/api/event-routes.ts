// Serves `/api/events`, what happened, from memory. It also answers a request for `/ws`, which worker-server.ts
// upgrades once this app, with its guard, has let it pass.

import { Hono } from "hono";

import { problemResponse } from "../../core/http/problem.ts";
import { fail, ok } from "../../core/base/result.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";
import type { EventCursor } from "../events/event-bus.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";

const EVENTS_SHOWN_MAX = 1_000;
const EVENTS_SHOWN = 200;
export const MAY_UPGRADE_STATUS = 204;

export function eventRoutes(runtime: RepoRuntime): Hono {
  const routes = new Hono();
  routes.get("/api/events", (context) => {
    const cursor = readCursor(context.req.query("since"));
    if (!cursor.ok) return problemResponse(cursor.failure);
    const limit = Number(context.req.query("limit") ?? EVENTS_SHOWN);
    if (!Number.isInteger(limit) || limit < 1 || limit > EVENTS_SHOWN_MAX) {
      return problemResponse({ code: "bad_request", message: `limit is a number from 1 to ${EVENTS_SHOWN_MAX}` });
    }
    const items = cursor.value === null ? runtime.bus.recent(limit) : runtime.bus.since(cursor.value, limit);
    return context.json({ items });
  });
  routes.get("/ws", (context) => {
    const cursor = readCursor(context.req.query("since"));
    if (!cursor.ok) return problemResponse(cursor.failure);
    if (context.req.header("upgrade")?.toLowerCase() !== "websocket")
      return problemResponse({ code: "bad_request", message: "this address speaks WebSocket" });
    return new Response(null, { status: MAY_UPGRADE_STATUS });
  });
  return routes;
}

/** The cursor is `<boot>:<id>` of the last event that the reader has; null when it has none. */
export function readCursor(text: string | undefined): ControlResult<EventCursor | null> {
  if (text === undefined) return ok(null);
  const [, boot, id] = /^([\w.-]{1,100}):(\d{1,15})$/.exec(text) ?? [];
  if (boot === undefined || id === undefined)
    return fail({ code: "bad_request", message: "since is `<boot>:<id>` of the last event that you have" });
  return ok({ boot, id: Number(id) });
}
