// What is known of a turn so far, and the judgement at its end. Success takes three things: exit code 0, a result that is
// no error, and a verdict. The CLI ends with `success` after refused tools and with exit 0 without a verdict; neither counts.

import type { AgentOutcome, AgentUsage } from "./agent-driver.ts";
import type { StreamItem, StreamResult } from "./claude-stream.ts";
import type { LinesEnd } from "./subprocess.ts";
import type { TurnClocks } from "./turn-clocks.ts";

/** For an overloaded provider, which names no time. */
const OVERLOAD_PAUSE_MS = 60_000;
const EVIDENCE_LENGTH_MAX = 500;

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
  brokenLines = 0;
  readonly #openTools = new Set<string>();

  get toolIsRunning(): boolean {
    return this.#openTools.size > 0;
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
      case "started":
      case "said":
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
    return { kind: "stalled", evidence: stallEvidence(turn, ranOut) };
  if (turn.result === undefined) return { kind: "crashed", evidence: clip(crashEvidence(turn, end)) };
  const failure = failureOf(turn, turn.result, now);
  if (failure !== null) return failure;
  // A CLI that hangs behind its result was ended by us; its exit code says nothing.
  const exitedWell = end.exitCode === 0 || ranOut !== undefined;
  if (!exitedWell) return { kind: "crashed", evidence: clip(crashEvidence(turn, end)) };
  return verdictOf(turn.result);
}

/** null: the result claims success. */
function failureOf(turn: ClaudeTurn, result: StreamResult, now: Date): AgentOutcome | null {
  const evidence = clip([...result.errors, result.result].find((text) => text !== "") ?? result.subtype);
  if (result.subtype === "error_max_turns" || result.subtype === "error_max_budget_usd")
    return { kind: "budget-exceeded", evidence };
  if (result.subtype === "error_max_structured_output_retries") return { kind: "protocol-error", evidence };
  if (result.stop_reason === "refusal") return { kind: "refused", evidence };
  if (!result.is_error && result.subtype === "success") return null;
  const error = turn.apiError ?? "";
  const status = result.api_error_status;
  if (AUTH_ERRORS.has(error) || status === 401 || status === 403)
    return { kind: "auth-missing", evidence: clip(`${evidence}; ${AUTH_HINT}`) };
  if (LIMIT_ERRORS.has(error) || status === 429)
    return { kind: "provider-limited", until: turn.limitedUntil, evidence };
  if (OVERLOAD_ERRORS.has(error) || status >= 500) {
    return { kind: "provider-limited", until: new Date(now.getTime() + OVERLOAD_PAUSE_MS), evidence };
  }
  return { kind: "crashed", evidence };
}

function verdictOf(result: StreamResult): AgentOutcome {
  const verdict = result.structured_output;
  if (typeof verdict === "object" && verdict !== null)
    return { kind: "completed", verdict, text: result.result, usage: usageOf(result) };
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
  const broken = turn.brokenLines === 0 ? "" : `; ${turn.brokenLines} of its lines were no JSON`;
  return `the agent ${how}${missing}${broken}${end.stderr === "" ? "" : `: ${end.stderr}`}`;
}

function clip(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > EVIDENCE_LENGTH_MAX ? `${line.slice(0, EVIDENCE_LENGTH_MAX)}…` : line;
}
