// The TCP door's messages: one JSON object a line, wire-compatible with the first implementation. docs/protocol.md is
// the operator's page of this table.

import { DRAIN_SECONDS_MAX } from "./drain-control.ts";
import { z } from "../base/schema.ts";

export const DEFAULT_TCP_PORT = 8765;
export const DEFAULT_HTTP_PORT = 8766;

export const LINE_BYTES_MAX = 65_536;
export const HANDSHAKE_TIMEOUT_MS = 5_000;
export const IDLE_TIMEOUT_MS = 30_000;
/** The wait after the first reply is short: most clients ask once, and netcat waits until the other side closes. */
export const ONE_SHOT_TIMEOUT_MS = 2_000;
export const REQUESTS_PER_SECOND_MAX = 100;
export const CONNECTIONS_MAX = 512;
const PATH_LENGTH_MAX = 4_096;

const token = z.optional(z.string().check(z.maxLength(1_024)));
const path = z.string().check(z.minLength(1), z.maxLength(PATH_LENGTH_MAX));
const slug = z.string().check(z.minLength(1), z.maxLength(200));

const drainSeconds = z.int().check(z.minimum(0), z.maximum(DRAIN_SECONDS_MAX));

const addFields = { path: z.optional(path), repo: z.optional(path), repo_slug: z.optional(slug), token };

export const controlRequestSchema = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("ping"), token }),
  z.strictObject({ action: z.literal("list_repos"), token }),
  z.strictObject({ action: z.literal("add_repo"), ...addFields }),
  z.strictObject({ action: z.literal("register_repo"), ...addFields }),
  z.strictObject({
    action: z.literal("remove_repo"),
    slug: z.optional(slug),
    path: z.optional(path),
    force: z.optional(z.boolean()),
    token,
  }),
  z.strictObject({ action: z.literal("start_repo"), slug, token }),
  z.strictObject({ action: z.literal("stop_repo"), slug, token }),
  z.strictObject({ action: z.literal("restart_repo"), slug, token }),
  z.strictObject({ action: z.literal("repo_status"), slug, token }),
  z.strictObject({ action: z.literal("drain"), timeout_s: z.optional(drainSeconds), token }),
  z.strictObject({ action: z.literal("undrain"), token }),
]);

export type ControlRequest = z.infer<typeof controlRequestSchema>;
export type ControlAction = ControlRequest["action"];

export const CONTROL_ACTIONS: readonly ControlAction[] = [
  "ping",
  "list_repos",
  "add_repo",
  "register_repo",
  "remove_repo",
  "start_repo",
  "stop_repo",
  "restart_repo",
  "repo_status",
  "drain",
  "undrain",
];
