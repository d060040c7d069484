// Turns one line of the TCP door into one reply line. Commands are a fixed table; a line that is no JSON object ends
// the connection, so that an HTTP request sent to this port never runs one.

import { isAcceptedToken } from "../../core/http/bearer-token.ts";
import {
  CONTROL_ACTIONS,
  type ControlAction,
  type ControlRequest,
  controlRequestSchema,
} from "../../core/messages/control-message.ts";
import type { DrainControl } from "../../core/messages/drain-control.ts";
import { assertNever, messageOf } from "../../core/base/errors.ts";
import { describeIssues } from "../../core/http/json-body.ts";
import { parseJsonObject } from "../../core/files/json-lines.ts";
import type { Log } from "../../core/logs/log.ts";
import { isSlug, parseRepositoryName } from "../../core/domain/repository-name.ts";
import { fail, ok } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import type {
  ControlFailure,
  ControlResult,
  RepoEntry,
  SupervisorControl,
} from "../../core/messages/supervisor-control.ts";

export interface ControlHandlerOptions {
  readonly control: SupervisorControl;
  readonly drain: DrainControl;
  /** `none` is for single-user machines and for clients of the first implementation. */
  readonly auth: "token" | "none";
  readonly tokenHashes: () => Iterable<string>;
  readonly log: Log;
}

export interface Handled {
  /** The text without its newline, or bytes with it. */
  readonly reply: string | Uint8Array;
  readonly endsConnection: boolean;
}

export type ControlHandler = (line: string, signal: AbortSignal) => Promise<Handled>;

const UNAUTHORIZED: ControlFailure = {
  code: "unauthorized",
  message: "send the field token; it stands in the file 'token' of the state directory",
};

export function createControlHandler(options: ControlHandlerOptions): ControlHandler {
  const listReply = cachedListReply(options.control);
  return async (line, signal) => {
    const raw = parseJsonObject(line);
    if (raw === undefined) {
      return {
        reply: errorReply({ code: "bad_request", message: "send one JSON object on each line" }),
        endsConnection: true,
      };
    }
    try {
      const request = readRequest(raw, options);
      if (!request.ok) return { reply: errorReply(request.failure), endsConnection: false };
      if (request.value.action === "list_repos") return { reply: listReply(), endsConnection: false };
      const result = await perform(options, request.value, signal);
      return { reply: result.ok ? okReply(result.value) : errorReply(result.failure), endsConnection: false };
    } catch (error) {
      options.log.write("error", "tcp.request-failed", { action: raw["action"], problem: messageOf(error) });
      return {
        reply: errorReply({ code: "internal", message: "this is a bug; the log has the details" }),
        endsConnection: false,
      };
    }
  };
}

export function errorReply({ code, message }: ControlFailure): string {
  return JSON.stringify({ status: "error", error: message, code });
}

function readRequest(raw: Record<string, unknown>, options: ControlHandlerOptions): ControlResult<ControlRequest> {
  const { action, token } = raw;
  if (!isAction(action)) return fail({ code: "unknown_action", message: "unknown action" });
  const isOpen = options.auth === "none" || action === "ping";
  if (!isOpen && !isAcceptedToken(typeof token === "string" ? token : undefined, options.tokenHashes()))
    return fail(UNAUTHORIZED);
  // Clients of the first implementation send what they do not know as null or as an empty text.
  const given = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null && value !== ""));
  const parsed = z.safeParse(controlRequestSchema, given);
  if (!parsed.success) return fail({ code: "bad_request", message: describeIssues(parsed.error) });
  const slug = "slug" in parsed.data ? parsed.data.slug : undefined;
  // Clients of the first implementation knew repositories by full name.
  if (slug === undefined || isSlug(slug) || parseRepositoryName(slug).ok) return ok(parsed.data);
  return fail({ code: "invalid_slug", message: "write the slug as list_repos gives it, for instance acme-web" });
}

function perform(
  { control, drain }: ControlHandlerOptions,
  request: Exclude<ControlRequest, { action: "list_repos" }>,
  signal: AbortSignal,
): Promise<ControlResult<object>> | ControlResult<object> {
  switch (request.action) {
    case "ping":
      return ok(control.ping());
    case "add_repo":
      return control.add(request, signal);
    case "register_repo":
      return control.register(request, signal);
    case "remove_repo":
      return control.remove(request, signal);
    case "start_repo":
      return control.start(request.slug, signal);
    case "stop_repo":
      return control.stop(request.slug, signal);
    case "restart_repo":
      return control.restart(request.slug, signal);
    case "repo_status":
      return control.status(request.slug);
    case "drain":
      return drain.drain((request.timeout_s ?? 0) * 1_000, signal);
    case "undrain":
      return ok(drain.undrain());
    default:
      return assertNever(request);
  }
}

/** The bytes are kept until a row changes: listing is what clients do all day. */
function cachedListReply(control: SupervisorControl): () => Uint8Array {
  let cached: { readonly rows: readonly RepoEntry[]; readonly reply: Uint8Array } | undefined;
  return () => {
    const rows = control.list();
    if (cached?.rows !== rows) cached = { rows, reply: Buffer.from(`${okReply({ repos: rows })}\n`) };
    return cached.reply;
  };
}

function okReply(value: object): string {
  return JSON.stringify({ status: "ok", ...value });
}

function isAction(value: unknown): value is ControlAction {
  return CONTROL_ACTIONS.some((action) => action === value);
}
