// Holds one conversation with the agent within a run. It turns what the driver says into a checked verdict, or into the
// outcome that the stage ends with. A missing or malformed verdict is never success.

import { join } from "node:path";

import { assertNever } from "../../core/base/errors.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import type { AgentAccess, AgentEvent, AgentOutcome, AgentTurn } from "../agent/contract/agent-driver.ts";
import type { VerdictForm } from "../agent/contract/verdict.ts";
import { repairPrompt } from "../prompt/prompt.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, retry, type StageOutcome, wait } from "../pipeline/stage-outcome.ts";
import type { Workspace } from "../pipeline/workspace.ts";

export interface Turn<V> {
  readonly role: AgentTurn["role"];
  readonly prompt: string;
  readonly access: AgentAccess;
  readonly verdict: VerdictForm<V>;
}

export interface AgentSessionOptions {
  readonly context: StageContext;
  readonly run: StageRun;
  readonly workspace: Workspace;
  /** It begins a new session. Without it the session is the run's own, which is resumed after a restart. */
  readonly sessionId?: string;
}

export class AgentSession {
  readonly #options: AgentSessionOptions;
  #hasBegun: boolean;

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    this.#hasBegun = options.sessionId === undefined && hasBegun(options.run);
  }

  /** Takes one turn, and a second one where only the verdict was not as asked for. */
  async turn<V>(turn: Turn<V>, signal: AbortSignal): Promise<Result<V, StageOutcome>> {
    const first = await this.#run(turn, signal);
    if (!first.ok) return first;
    const verdict = turn.verdict.read(first.value);
    if (verdict.ok) return verdict;
    const repaired = await this.#run({ ...turn, prompt: repairPrompt(turn.role, verdict.failure) }, signal);
    if (!repaired.ok) return repaired;
    const second = (turn.verdict.readLast ?? turn.verdict.read)(repaired.value);
    return second.ok ? second : fail(retry(`the agent's verdict is not as asked for: ${second.failure}`));
  }

  async #run<V>(turn: Turn<V>, signal: AbortSignal): Promise<Result<unknown, StageOutcome>> {
    const { context, workspace } = this.#options;
    const pause = context.agentPause.current;
    if (pause !== null) return fail(wait(pause.reason, pause.until, "agent"));
    const request = await this.#request(turn);
    const ran = await workspace.guarded(() => context.agent.run(request, (event) => this.#emit(event), signal), signal);
    if (!ran.ok) return fail(gitOutcome(ran.failure));
    this.#emitTurnEnd(ran.value);
    if (signal.aborted) return fail({ kind: "interrupted" });
    if (ran.value.kind !== "completed") return fail(outcomeOf(ran.value, context));
    context.agentPause.clear();
    return ok(ran.value.verdict);
  }

  /** The session stands in the state before its first prompt goes out, so that a restarted worker finds it again. */
  async #request<V>({ role, prompt, access, verdict }: Turn<V>): Promise<AgentTurn> {
    const { context, run, workspace, sessionId } = this.#options;
    const resume = this.#hasBegun;
    if (!resume && sessionId === undefined)
      await run.mark(run.step.at === "turned" ? { ...run.step, session: run.sessionId } : { at: "prompted" });
    this.#hasBegun = true;
    return {
      role,
      prompt,
      directory: workspace.path,
      home: join(context.paths.agentHomes, `issue-${run.issue.number}`),
      access,
      verdictSchema: verdict.schema,
      sessionId: sessionId ?? run.sessionId,
      resume,
      transcriptFile: context.paths.transcript(run.issue.number, run.stage, run.attempt),
      groups: context.paths.groups,
    };
  }

  #emit(event: AgentEvent): void {
    const { context, run } = this.#options;
    const of = { issue: run.issue.number, run: run.id };
    if (event.type === "started")
      context.emit({
        type: "agent.started",
        ...of,
        agent: `${context.agent.name} ${event.version}`,
        session: event.sessionId,
      });
    else if (event.type === "text") context.emit({ type: "agent.said", ...of, text: event.text });
    else if (event.type === "tool")
      context.emit({ type: "agent.tool", ...of, tool: event.tool, summary: event.summary });
    else context.emit({ type: "agent.said", ...of, text: `retry ${event.attempt}: ${event.reason}` });
  }

  #emitTurnEnd(outcome: AgentOutcome): void {
    const { context, run } = this.#options;
    const usage = outcome.kind === "completed" ? outcome.usage : { inputTokens: 0, outputTokens: 0, costUsd: null };
    const { inputTokens, outputTokens, costUsd } = usage;
    context.emit({
      type: "agent.ended",
      issue: run.issue.number,
      run: run.id,
      outcome: outcome.kind,
      inputTokens,
      outputTokens,
      costUsd,
    });
  }
}

function hasBegun({ step, sessionId }: StageRun): boolean {
  return step.at === "prompted" || (step.at === "turned" && step.session === sessionId);
}

function outcomeOf(outcome: Exclude<AgentOutcome, { kind: "completed" }>, context: StageContext): StageOutcome {
  const { kind, evidence } = outcome;
  switch (kind) {
    case "needs-input":
      return handOff("question", `The agent stopped and needs an answer: ${evidence}`);
    case "refused":
      return handOff(
        "agent",
        `The agent refused this task: ${evidence}\n\nSay how the task is to be done instead, or close the issue.`,
      );
    case "budget-exceeded":
      return handOff(
        "agent",
        `The agent used up its budget: ${evidence}\n\nAnswer to let it go on, or say how to make the task smaller.`,
      );
    case "provider-limited":
      return held(context, `the agent's provider is at its limit: ${evidence}`, outcome.until);
    case "auth-missing":
      return held(context, `the agent has no login: ${evidence}`, null);
    case "never-started":
      return held(context, `the agent does not start: ${evidence}`, null);
    case "stalled":
    case "killed":
    case "crashed":
    case "protocol-error":
      return retry(`the agent's turn ended as ${kind}: ${evidence}`);
    default:
      return assertNever(kind);
  }
}

/** Pauses the agent for every run, because what stops one would stop the next one too. */
function held({ agentPause }: StageContext, reason: string, until: Date | null): StageOutcome {
  return wait(reason, agentPause.pause(reason, until), "agent");
}
