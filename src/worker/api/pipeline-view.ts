// Shows issues to the API, put together from the store, the state and the loops. Only `explain` of an issue that is in
// no queue asks GitHub.

import { type Stage, STAGES, stageOfLabel } from "../../core/domain/stage.ts";
import type { Issue } from "../github/port/github.ts";
import type { RunState, SeenEnd } from "../state/run-step.ts";
import { outcomeOf, questionOf, runOf } from "../state/issue-way.ts";
import { isDecided } from "../pipeline/question-record.ts";
import type { Seen } from "../orchestrator/explain.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";

const REASON_CHARACTERS_MAX = 500;

export interface PipelineRow {
  readonly issue: number;
  readonly title: string;
  readonly url: string;
  readonly stage: Stage;
  readonly status: "queued" | "active" | "waiting";
  readonly run: string | null;
  readonly attempt: number | null;
  /** The ISO time when this run began, else when the issue last changed. */
  readonly since: string;
  readonly why: string | null;
}

export function pipelineRows(runtime: RepoRuntime): PipelineRow[] {
  const queues = runtime.orchestrator?.store.queues();
  if (queues === undefined) return [];
  return STAGES.flatMap((stage) =>
    [...queues[stage].active, ...queues[stage].queued].map((issue) => rowOf(runtime, stage, issue)),
  );
}

export interface HitlRow {
  readonly issue: number;
  readonly title: string;
  readonly stage: Stage | null;
  readonly question: string;
  readonly cause: string;
  readonly askedAt: string;
  readonly url: string;
}

/** Lists what waits for a person now. */
export function hitlRows(runtime: RepoRuntime): HitlRow[] {
  const waiting = runtime.orchestrator?.store.queues().hitl.queued ?? [];
  return waiting.flatMap(({ number, title, url }) => {
    const hitl = questionOf(runtime.state.issue(number));
    if (hitl === null || isDecided(hitl)) return [];
    const { question, cause, askedAt, origin } = hitl;
    return [{ issue: number, title, stage: stageOfLabel(origin) ?? null, question, cause, askedAt, url }];
  });
}

export interface IssueView {
  readonly issue: number;
  readonly title: string;
  readonly url: string | null;
  readonly stage: Stage | null;
  readonly labels: readonly string[];
  /** The state is `unknown` as long as GitHub has not been asked. */
  readonly state: "open" | "closed" | "unknown";
  readonly why: readonly string[];
  readonly run: ReturnType<typeof runView>;
  readonly pull: number | null;
  readonly outcome: unknown;
  readonly history: readonly { readonly at: string; readonly text: string }[];
}

/**
 * `asked` is what GitHub says now of an issue that is in no queue. Returns undefined for one that neither GitHub nor we
 * know.
 */
export function issueView(runtime: RepoRuntime, number: number, asked: Asked | null = null): IssueView | undefined {
  const issue = runtime.orchestrator?.store.find(number) ?? asked?.issue ?? undefined;
  const isKnown = issue !== undefined || runtime.state.issues().has(number);
  const isSure = runtime.orchestrator !== null && (asked === null || asked.seen === "gone");
  if (!isKnown && isSure) return undefined;
  const known = runtime.state.issue(number);
  const { pull, history } = known;
  const outcome = outcomeOf(known);
  return {
    issue: number,
    title: issue?.title ?? `issue ${number}`,
    url: issue?.url ?? null,
    stage: runtime.orchestrator?.placeOf(number)?.stage ?? null,
    labels: issue?.labels ?? [],
    state: issue?.state ?? (outcome !== null || asked?.seen === "gone" ? "closed" : "unknown"),
    why: [...explain(runtime, number, asked?.seen), ...(asked?.problem ? [asked.problem] : [])],
    run: runView(runOf(known)),
    pull,
    outcome,
    history,
  };
}

export interface Asked {
  readonly issue: Issue | null;
  readonly seen: Seen;
  readonly problem: string | null;
}

/** Returns null where the queues say it all, or nobody can be asked yet. */
export async function askGitHub(
  { orchestrator }: RepoRuntime,
  number: number,
  signal: AbortSignal,
): Promise<Asked | null> {
  if (orchestrator === null || orchestrator.store.find(number) !== undefined) return null;
  const read = await orchestrator.read(number, signal).catch(() => null);
  if (read === null) return { issue: null, seen: "unknown", problem: "GitHub did not answer in time" };
  if (read.ok) return { issue: read.value, seen: read.value.state, problem: null };
  if (read.failure.kind === "not-found") return { issue: null, seen: "gone", problem: null };
  return { issue: null, seen: "unknown", problem: `GitHub did not answer: ${read.failure.message}` };
}

/** A worker that has no pipeline yet explains itself in its notice, and says nothing about the issue. */
function explain({ orchestrator, said, state }: RepoRuntime, number: number, seen?: Seen): string[] {
  if (orchestrator !== null) return orchestrator.explain(number, said, seen);
  const outcome = outcomeOf(state.issue(number));
  const ended = outcome === null ? [] : [`it has ended as ${outcome.kind}: ${outcome.reason}`];
  const reasons = [...ended, ...said.drained, ...said.holds, ...said.notes];
  return reasons.length > 0 ? reasons : ["the worker starts, and has not looked at GitHub yet"];
}

function rowOf(runtime: RepoRuntime, stage: Stage, issue: Issue): PipelineRow {
  const run = runOf(runtime.state.issue(issue.number));
  const place = runtime.orchestrator?.placeOf(issue.number);
  const isWaiting = runtime.orchestrator?.isWaiting(issue.number, stage) === true;
  const isOwn = run?.stage === stage;
  return {
    issue: issue.number,
    title: issue.title,
    url: issue.url,
    stage,
    status: place?.isActive === true ? "active" : isWaiting ? "waiting" : "queued",
    run: isOwn ? run.id : null,
    attempt: isOwn ? attemptOf(run) : null,
    since: isOwn ? run.startedAt : issue.updatedAt,
    why: explain(runtime, issue.number)[0]?.slice(0, REASON_CHARACTERS_MAX) ?? null,
  };
}

function runView(run: RunState | SeenEnd | null) {
  if (run === null) return null;
  const { id, stage, startedAt, step } = run;
  return { id, stage, attempt: attemptOf(run), startedAt, step: step.at };
}

/** An end that was seen on GitHub is carried out without attempts, and shows as the first one. */
function attemptOf(run: RunState | SeenEnd): number {
  return run.by === "stage" ? run.attempt : 1;
}
