// Reads Claude Code's stream-json, one line at a time, into what a turn needs to know. It is pure. Unknown lines and
// fields are passed over: the format grows with every release (seen up to 2.1.329), and what we rely on is checked at
// the result.

import { assertNever } from "../../../core/base/errors.ts";
import { z } from "../../../core/base/schema.ts";

const SUMMARY_LENGTH_MAX = 200;
/** The CLI offers this tool for `--json-schema`; calling it is the verdict, not work. */
const VERDICT_TOOL = "StructuredOutput";
/** A message that no model has written has this name of a model. */
const SYNTHETIC_MODEL = "<synthetic>";

export type StreamItem =
  | { readonly kind: "started"; readonly sessionId: string; readonly model: string; readonly version: string }
  /** `byCli` says that the CLI put it in the model's place, for instance to report that a limit is reached. */
  | { readonly kind: "said"; readonly text: string; readonly byCli: boolean }
  | { readonly kind: "tool-started"; readonly id: string; readonly tool: string; readonly summary: string }
  | { readonly kind: "tool-ended"; readonly id: string }
  | { readonly kind: "retrying"; readonly attempt: number; readonly reason: string }
  /** The provider refuses until then; null when it does not say until when. */
  | { readonly kind: "limited"; readonly until: Date | null }
  /** The CLI's name for an API failure, for instance `authentication_failed`. */
  | { readonly kind: "api-error"; readonly error: string }
  | { readonly kind: "result"; readonly result: StreamResult };

/** A field that is nice to know must never hide a result: in another form it counts as absent. */
const orElse = z.catch;
const count = orElse(z.number(), 0);
const textOr = (otherwise: string) => orElse(z.string(), otherwise);

const resultSchema = z.object({
  type: z.literal("result"),
  subtype: z.string(),
  is_error: z.boolean(),
  result: textOr(""),
  errors: orElse(z.array(z.string()), []),
  structured_output: z.optional(z.unknown()),
  stop_reason: textOr(""),
  api_error_status: count,
  num_turns: count,
  /** The cost of the whole session: in a resumed one it goes on from what earlier turns have cost. */
  total_cost_usd: orElse(z.nullable(z.number()), null),
  /** The usage of this turn alone. */
  model_usage_since_last_result: orElse(z.nullable(z.record(z.string(), z.object({ costUSD: z.number() }))), null),
  permission_denials: orElse(z.array(z.object({ tool_name: z.string() })), []),
  usage: orElse(
    z.object({
      input_tokens: count,
      output_tokens: count,
      cache_creation_input_tokens: count,
      cache_read_input_tokens: count,
    }),
    { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  ),
});

export type StreamResult = z.infer<typeof resultSchema>;

const initSchema = z.object({
  type: z.literal("system"),
  subtype: z.literal("init"),
  session_id: z.string(),
  model: textOr("unknown"),
  claude_code_version: textOr("unknown"),
});

const retrySchema = z.object({
  type: z.literal("system"),
  subtype: z.literal("api_retry"),
  attempt: count,
  error: textOr("unknown"),
  error_status: count,
});

const limitSchema = z.object({
  type: z.literal("rate_limit_event"),
  /** `resetsAt` counts seconds since 1970. */
  rate_limit_info: z.object({ status: z.string(), resetsAt: orElse(z.nullable(z.number()), null) }),
});

const messageSchema = z.object({
  type: z.enum(["assistant", "user"]),
  error: z.optional(z.string()),
  message: z.object({ content: z.union([z.string(), z.array(z.unknown())]), model: textOr("") }),
});

const blockSchema = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({
    type: z.literal("tool_use"),
    id: z.string(),
    name: z.string(),
    input: z._default(z.record(z.string(), z.unknown()), {}),
  }),
  z.object({ type: z.literal("tool_result"), tool_use_id: z.string() }),
]);

/**
 * Returns the value of a line, free of secrets; undefined when it is no JSON. It is redacted string by string: over the
 * whole line, a pattern for secrets could reach across quotes and break the JSON.
 */
export function parseStreamLine(line: string, redact: (text: string) => string): unknown {
  try {
    return JSON.parse(line, (_, inner: unknown) => (typeof inner === "string" ? redact(inner) : inner));
  } catch {
    return undefined;
  }
}

/** Returns nothing for a line that says nothing we need. */
export function streamItems(value: unknown): StreamItem[] {
  const result = z.safeParse(resultSchema, value);
  if (result.success) return [{ kind: "result", result: result.data }];
  const message = z.safeParse(messageSchema, value);
  if (message.success) return messageItems(message.data);
  const init = z.safeParse(initSchema, value);
  if (init.success)
    return [
      {
        kind: "started",
        sessionId: init.data.session_id,
        model: init.data.model,
        version: init.data.claude_code_version,
      },
    ];
  const retry = z.safeParse(retrySchema, value);
  if (retry.success)
    return [
      {
        kind: "retrying",
        attempt: retry.data.attempt,
        reason: `${retry.data.error} (${retry.data.error_status})`,
      },
    ];
  const limit = z.safeParse(limitSchema, value);
  return limit.success && limit.data.rate_limit_info.status === "rejected"
    ? [{ kind: "limited", until: timeOf(limit.data.rate_limit_info.resetsAt) }]
    : [];
}

function messageItems({ type, error, message }: z.infer<typeof messageSchema>): StreamItem[] {
  const items: StreamItem[] = error === undefined ? [] : [{ kind: "api-error", error }];
  const blocks = typeof message.content === "string" ? [] : message.content;
  for (const raw of blocks) {
    const block = z.safeParse(blockSchema, raw);
    if (!block.success) continue;
    const item = blockItem(block.data, type, message.model);
    if (item !== null) items.push(item);
  }
  return items;
}

/** The user's side of the conversation is our own prompt and the CLI's own reminders, so its texts are left out. */
function blockItem(block: z.infer<typeof blockSchema>, from: "assistant" | "user", model: string): StreamItem | null {
  switch (block.type) {
    case "text":
      return from === "assistant" ? { kind: "said", text: block.text, byCli: model === SYNTHETIC_MODEL } : null;
    case "tool_use":
      return block.name === VERDICT_TOOL
        ? null
        : { kind: "tool-started", id: block.id, tool: block.name, summary: summaryOf(block.input) };
    case "tool_result":
      return { kind: "tool-ended", id: block.tool_use_id };
    default:
      return assertNever(block);
  }
}

function summaryOf(input: Readonly<Record<string, unknown>>): string {
  const telling = [input["command"], input["file_path"], input["pattern"]].find((value) => typeof value === "string");
  const text = typeof telling === "string" ? telling : JSON.stringify(input);
  return text.length > SUMMARY_LENGTH_MAX ? `${text.slice(0, SUMMARY_LENGTH_MAX)}…` : text;
}

function timeOf(seconds: number | null): Date | null {
  const time = seconds === null ? null : new Date(seconds * 1_000);
  return time === null || Number.isNaN(time.getTime()) ? null : time;
}
