// What the API shows of issues, put together from the store, the state and the loops. Reads only memory.

import { LABEL_OF_STAGE, type Stage, STAGES, stageOfLabel } from "../../core/stage.ts";
import type { Issue } from "../github/github.ts";
import type { RunState } from "../issue-state.ts";
import { isWaiting as isPutDown } from "../pipeline/backoff.ts";
import { isDecided } from "../pipeline/hitl-inbox.ts";
import { readStep } from "../pipeline/run-step.ts";
import { explain, type Place } from "../pipeline/why.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";

const WHY_CHARACTERS_MAX = 500;

export interface PipelineRow {
  readonly issue: number;
  readonly title: string;
  readonly url: string;
  readonly stage: Stage;
  readonly status: "queued" | "active" | "waiting";
  readonly run: string | null;
  readonly attempt: number | null;
  /** ISO: when this run began, else when the issue last changed. */
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

/** What waits for a person now. */
export function hitlRows(runtime: RepoRuntime): HitlRow[] {
  const waiting = runtime.orchestrator?.store.queues().hitl.queued ?? [];
  return waiting.flatMap(({ number, title, url }) => {
    const { hitl } = runtime.state.issue(number);
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
  readonly state: "open" | "closed";
  readonly why: readonly string[];
  readonly run: ReturnType<typeof runView>;
  readonly pull: number | null;
  readonly outcome: unknown;
  readonly history: readonly { readonly at: string; readonly text: string }[];
}

/** Undefined for a number that neither GitHub nor we know. */
export function issueView(runtime: RepoRuntime, number: number): IssueView | undefined {
  const issue = runtime.orchestrator?.store.find(number);
  if (issue === undefined && !runtime.state.issues().has(number)) return undefined;
  const { run, pull, outcome, history } = runtime.state.issue(number);
  return {
    issue: number,
    title: issue?.title ?? `issue ${number}`,
    url: issue?.url ?? null,
    stage: placeOf(runtime, number)?.stage ?? null,
    labels: issue?.labels ?? [],
    state: issue?.state ?? "closed",
    why: whyOf(runtime, number, issue),
    run: runView(run),
    pull,
    outcome,
    history,
  };
}

function rowOf(runtime: RepoRuntime, stage: Stage, issue: Issue): PipelineRow {
  const { run, retryAt, hitl } = runtime.state.issue(issue.number);
  const place = placeOf(runtime, issue.number);
  const isWaiting =
    isPutDown(retryAt, runtime.clock.now()) || (stage === "hitl" && (hitl === null || !isDecided(hitl)));
  const isOwn = run?.stage === stage;
  return {
    issue: issue.number,
    title: issue.title,
    url: issue.url,
    stage,
    status: place?.isActive === true ? "active" : isWaiting ? "waiting" : "queued",
    run: isOwn ? run.id : null,
    attempt: isOwn ? run.attempt : null,
    since: isOwn ? run.startedAt : issue.updatedAt,
    why: whyOf(runtime, issue.number, issue)[0]?.slice(0, WHY_CHARACTERS_MAX) ?? null,
  };
}

function whyOf(runtime: RepoRuntime, number: number, issue: Issue | undefined): string[] {
  const { orchestrator } = runtime;
  return explain({
    state: runtime.state.issue(number),
    now: runtime.clock.now(),
    notice: runtime.notice,
    lastSync: orchestrator?.store.lastSync ?? null,
    labelPrefix: runtime.config.labelPrefix,
    place: placeOf(runtime, number),
    isKnown: issue !== undefined,
    heldBy: orchestrator?.heldBy(number) ?? null,
    putOff: orchestrator?.putOff(number) ?? null,
  });
}

function placeOf({ orchestrator }: RepoRuntime, number: number): Place | null {
  if (orchestrator === null) return null;
  const queues = orchestrator.store.queues();
  for (const stage of Object.keys(LABEL_OF_STAGE) as Stage[]) {
    const { queued, active } = queues[stage];
    const isActive = active.some((issue) => issue.number === number);
    const position = queued.findIndex((issue) => issue.number === number) + 1;
    if (isActive || position > 0)
      return {
        stage,
        isActive,
        position,
        queued: queued.length,
        slots: orchestrator.slotsOf(stage),
        busy: active.length,
      };
  }
  return null;
}

function runView(run: RunState | null) {
  if (run === null) return null;
  const { id, stage, attempt, startedAt } = run;
  return { id, stage, attempt, startedAt, step: readStep(run.step).at };
}
