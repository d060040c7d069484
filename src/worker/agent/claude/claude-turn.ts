// Collects what is known of a turn so far, and judges it at its end. Success takes three things: exit code 0, a result
// that is no error, and a verdict. The CLI ends with `success` after refused tools and with exit 0 without a verdict;
// neither counts.

import { assertNever } from "../../../core/base/errors.ts";
import type { AgentOutcome, AgentUsage } from "../contract/agent-driver.ts";
import { readWords, type Words } from "../contract/agent-words.ts";
import { headOf } from "../../text/cut-text.ts";
import { withoutHidden, withoutStyling } from "../../text/hidden-characters.ts";
import type { StreamItem, StreamResult } from "./claude-stream.ts";
import type { LinesEnd } from "../process/subprocess.ts";
import type { TurnClocks } from "../process/turn-clocks.ts";

/** An overloaded provider names no time, so we wait this long. */
const OVERLOAD_PAUSE_MS = 60_000;
const EVIDENCE_LENGTH_MAX = 500;
/** The last of the lines that are no JSON are kept: in them a CLI says why it ends. */
const PLAIN_LINES_MAX = 20;
const PLAIN_LINE_LENGTH_MAX = 500;

const AUTH_ERRORS = new Set([
  "authentication_failed",
  "oauth_org_not_allowed",
  "account_on_hold",
  "verification_required",
  "cloud_credential_error",
]);
const LIMIT_ERRORS = new Set(["rate_limit", "billing_error"]);
const OVERLOAD_ERRORS = new Set(["overloaded", "server_error"]);
const AUTH_HINT =
  "give the agent a credential: set it in the service's environment and name the variable in the setting agentEnvironment";

export class ClaudeTurn {
  result: StreamResult | undefined;
  limitedUntil: Date | null = null;
  apiError: string | undefined;
  lastRetry: string | undefined;
  plainLinesSeen = 0;
  /** The last text that the CLI put in the model's place, and the last that anybody said. */
  saidByCli = "";
  lastSaid = "";
  readonly plainLines: string[] = [];
  readonly #openTools = new Set<string>();

  get toolIsRunning(): boolean {
    return this.#openTools.size > 0;
  }

  /** Returns what a CLI may have said in words, the last first. Half a line of the protocol is talk, cut off. */
  get sentences(): readonly string[] {
    return this.plainLines.filter((line) => !line.startsWith("{")).toReversed();
  }

  /**
   * Takes a line outside the protocol: an error in words, the noise of some library, half a line. It is free of
   * secrets.
   */
  takePlain(line: string): void {
    if (line.trim() === "") return;
    this.plainLinesSeen += 1;
    this.plainLines.push(withoutStyling(line.slice(0, PLAIN_LINE_LENGTH_MAX)).trim());
    if (this.plainLines.length > PLAIN_LINES_MAX) this.plainLines.shift();
  }

  take(item: StreamItem): void {
    switch (item.kind) {
      case "tool-started":
        this.#openTools.add(item.id);
        break;
      case "tool-ended":
        this.#openTools.delete(item.id);
        break;
      case "retrying":
        this.lastRetry = item.reason;
        break;
      case "limited":
        this.limitedUntil = item.until;
        break;
      case "api-error":
        this.apiError = item.error;
        break;
      case "result":
        this.result = item.result;
        break;
      case "said":
        this.lastSaid = item.text;
        if (item.byCli) this.saidByCli = item.text;
        break;
      case "started":
        break;
    }
  }
}

export interface TurnEnd {
  readonly end: LinesEnd;
  readonly ranOut: TurnClocks["ranOut"];
  /** We were told to stop. */
  readonly aborted: boolean;
  readonly now: Date;
}

export function judgeTurn(turn: ClaudeTurn, { end, ranOut, aborted, now }: TurnEnd): AgentOutcome {
  if (end.kind === "not-started") return { kind: "never-started", evidence: clip(end.problem) };
  if (aborted) return { kind: "killed", evidence: "stopped by HydraFlow" };
  if (end.kind === "line-too-long")
    return { kind: "protocol-error", evidence: "the agent wrote a line over the limit" };
  if (ranOut !== undefined && ranOut.clock !== "exit")
    return inWords(turn, [], now) ?? { kind: "stalled", evidence: stallEvidence(turn, ranOut) };
  if (turn.result === undefined)
    return inWords(turn, [end.stderr], now) ?? { kind: "crashed", evidence: clip(crashEvidence(turn, end)) };
  const failure = failureOf(turn, turn.result, now);
  if (failure !== null) return failure;
  // A CLI that hangs behind its result was ended by us; its exit code says nothing.
  const exitedWell = end.exitCode === 0 || ranOut !== undefined;
  if (!exitedWell)
    return inWords(turn, [end.stderr], now) ?? { kind: "crashed", evidence: clip(crashEvidence(turn, end)) };
  return verdictOf(turn, turn.result, now);
}

/** Returns null when the result claims success. */
function failureOf(turn: ClaudeTurn, result: StreamResult, now: Date): AgentOutcome | null {
  const said = [...result.errors, result.result];
  const evidence = clip(said.find((text) => text !== "") ?? result.subtype);
  if (result.subtype === "error_max_turns" || result.subtype === "error_max_budget_usd")
    return { kind: "budget-exceeded", evidence };
  if (result.subtype === "error_max_structured_output_retries") return { kind: "protocol-error", evidence };
  if (result.stop_reason === "refusal") return { kind: "refused", evidence };
  if (!result.is_error && result.subtype === "success") return null;
  const error = turn.apiError ?? "";
  const status = result.api_error_status;
  if (AUTH_ERRORS.has(error) || status === 401 || status === 403)
    return { kind: "auth-missing", evidence: clip(`${evidence}; ${AUTH_HINT}`) };
  const words = readWords({ byCli: [...said, turn.saidByCli, ...turn.sentences], last: "", now });
  if (LIMIT_ERRORS.has(error) || status === 429)
    return { kind: "provider-limited", until: turn.limitedUntil ?? words?.until ?? null, evidence };
  if (OVERLOAD_ERRORS.has(error) || status >= 500) return overloaded(evidence, now);
  return words === null ? { kind: "crashed", evidence } : outcomeOfWords(words, turn, now);
}

/** Reads what the CLI says outside its result, about a turn that has failed. */
function inWords(turn: ClaudeTurn, more: readonly string[], now: Date): AgentOutcome | null {
  const byCli = [turn.saidByCli, ...turn.sentences, ...more.map(withoutStyling)];
  const words = readWords({ byCli, last: turn.lastSaid, now });
  return words === null ? null : outcomeOfWords(words, turn, now);
}

function outcomeOfWords({ kind, sentence, until }: Words, turn: ClaudeTurn, now: Date): AgentOutcome {
  switch (kind) {
    case "provider-limited":
      return { kind, until: turn.limitedUntil ?? until, evidence: clip(sentence) };
    case "overloaded":
      return overloaded(clip(sentence), now);
    case "auth-missing":
      return { kind, evidence: clip(`${sentence}; ${AUTH_HINT}`) };
    case "refused":
    case "budget-exceeded":
      return { kind, evidence: clip(sentence) };
    default:
      return assertNever(kind);
  }
}

function overloaded(evidence: string, now: Date): AgentOutcome {
  return { kind: "provider-limited", until: new Date(now.getTime() + OVERLOAD_PAUSE_MS), evidence };
}

function verdictOf(turn: ClaudeTurn, result: StreamResult, now: Date): AgentOutcome {
  const verdict = result.structured_output;
  if (typeof verdict === "object" && verdict !== null)
    return { kind: "completed", verdict, text: result.result, usage: usageOf(result) };
  // Some CLIs end with "success" when they have said that the limit is reached.
  const words = readWords({ byCli: [turn.saidByCli], last: result.result, now });
  if (words !== null) return outcomeOfWords(words, turn, now);
  const denied = result.permission_denials.map((denial) => denial.tool_name);
  const note = denied.length === 0 ? "" : `; it was refused: ${[...new Set(denied)].join(", ")}`;
  return {
    kind: "protocol-error",
    evidence: clip(`the agent ended without a verdict${note}; its last words: ${result.result}`),
  };
}

function usageOf(result: StreamResult): AgentUsage {
  const { usage } = result;
  return {
    inputTokens: usage.input_tokens + usage.cache_creation_input_tokens,
    outputTokens: usage.output_tokens,
    cachedTokens: usage.cache_read_input_tokens,
    costUsd: costOf(result),
    turns: result.num_turns,
  };
}

function costOf(result: StreamResult): number | null {
  const models = result.model_usage_since_last_result;
  return models === null ? result.total_cost_usd : Object.values(models).reduce((sum, model) => sum + model.costUSD, 0);
}

function stallEvidence(turn: ClaudeTurn, ranOut: NonNullable<TurnClocks["ranOut"]>): string {
  const what = {
    startup: "wrote nothing after its start",
    silence: "wrote nothing",
    tool: "waited for a tool without a word",
    turn: "was not done",
    exit: "did not exit",
  }[ranOut.clock];
  const retry = turn.lastRetry === undefined ? "" : `; its last request failed: ${turn.lastRetry}`;
  return clip(`the agent ${what} for ${ranOut.limitMs} ms${retry}`);
}

function crashEvidence(turn: ClaudeTurn, end: Extract<LinesEnd, { kind: "ended" }>): string {
  const how = end.signal === null ? `exited with code ${end.exitCode}` : `was ended by ${end.signal}`;
  const missing = turn.result === undefined ? " without a result" : "";
  const plain =
    turn.plainLinesSeen === 0
      ? ""
      : `; ${turn.plainLinesSeen} of its lines were no JSON, the last: ${turn.plainLines.at(-1)}`;
  return `the agent ${how}${missing}${plain}${end.stderr === "" ? "" : `: ${end.stderr}`}`;
}

function clip(text: string): string {
  const line = withoutHidden(withoutStyling(text)).replaceAll(/\s+/g, " ").trim();
  return line.length > EVIDENCE_LENGTH_MAX ? `${headOf(line, EVIDENCE_LENGTH_MAX)}…` : line;
}
