// Removes what ended issues left here: worktrees, branches, homes, plans. Most of it goes when an issue ends; the sweep
// is for what could not go then, for issues that ended while nobody looked, and for what killed workers left. It runs
// at the start and once a day, removes a bounded number each time, and passes over an entry that makes trouble.
//
// I1 What others may have made is removed only when a record of ours says that it is ours: a branch's name proves
//    nothing.
// I2 GitHub is asked about an issue once per sweep. An open issue is not asked about again until all have been, so a
//    sweep that could not ask about every issue goes on behind the last.

import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { messageOf } from "../../core/base/errors.ts";
import { sweepAgentHomes, sweepPassingHomes } from "../agent/process/agent-home.ts";
import { issueOfName } from "../git/command/branch-name.ts";
import type { IssueOutcome, IssueState } from "../state/issue-state.ts";
import { outcomeOf, questionOf, runOf } from "../state/issue-way.ts";
import { endIssue } from "../settlement/settle.ts";
import type { StageContext } from "../pipeline/stage-context.ts";

const INTERVAL_MS = 24 * 3_600_000;
/** A sweep that did not come to its end is followed by another one this soon. */
const AGAIN_MS = 600_000;
const ISSUES_MAX = 200;
const QUESTIONS_MAX = 50;
/** Branch and plan of an issue that a person closed stay for this long, because they may still be of use to them. */
const KEPT_MS = 7 * 24 * 3_600_000;

/** It is GitHub's word on an issue: the outcome where it has ended. */
type Answer = IssueOutcome | "open" | "unknown";

export interface OrphanSweepOptions {
  readonly context: Pick<StageContext, "github" | "state" | "workspaces" | "paths" | "clock" | "emit">;
  readonly isInFlight: (issue: number) => boolean;
}

export class OrphanSweep {
  readonly #options: OrphanSweepOptions;
  #questions = 0;
  #isComplete = true;
  readonly #answers = new Map<number, { readonly answer: Answer; readonly atMs: number }>();

  constructor(options: OrphanSweepOptions) {
    this.#options = options;
  }

  /** Returns when aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, emit } = this.#options.context;
    while (!signal.aborted) {
      try {
        await this.sweep(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        this.#isComplete = false;
        emit({ type: "leftovers.swept", removed: 0, left: messageOf(thrown) });
      }
      await clock.sleep(this.#isComplete ? INTERVAL_MS : AGAIN_MS, signal).catch(() => undefined);
    }
  }

  /** Sweeps once over everything. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { workspaces, clock, paths, emit } = this.#options.context;
    this.#beginRound();
    const left: string[] = [];
    const removed = [...(await this.#sweepGit(left, signal)), ...(await this.#sweepPlans(signal))];
    const homes = await sweepAgentHomes(paths.agentHomes, async (name) => {
      const issue = issueOfName(name);
      return issue === null || (await this.#endOf(issue, signal)) === null || !this.#mayGo(issue);
    });
    left.push(...homes.left.map((name) => join(paths.agentHomes, name)));
    await sweepPassingHomes(clock.now());
    if (!(await workspaces.emptyTrash())) left.push("the worktrees' .trash");
    const tidied = await workspaces.tidyClone(signal);
    if (!tidied.ok) left.push(`git's own housekeeping: ${tidied.failure.message}`);
    const count = removed.length + homes.removed.length;
    if (count > 0 || left.length > 0) emit({ type: "leftovers.swept", removed: count, left: left.join("; ") });
  }

  async #sweepGit(left: string[], signal: AbortSignal): Promise<readonly number[]> {
    const { workspaces } = this.#options.context;
    const found = await workspaces.orphanCandidates(signal);
    if (!found.ok) {
      this.#isComplete = false;
      left.push(found.failure.message);
      return [];
    }
    const { worktrees, kept, branches } = found.value;
    const ours = [...worktrees, ...kept, ...[...branches].filter((issue) => this.#hadBranch(issue))];
    const removed: number[] = [];
    for (const issue of [...new Set(ours)].toSorted((a, b) => a - b)) {
      const outcome = await this.#endOf(issue, signal);
      if (outcome === null) continue;
      const keepsBranch = this.#isKept(outcome);
      if (keepsBranch && !worktrees.has(issue)) continue;
      if (removed.length === ISSUES_MAX) {
        this.#isComplete = false;
        break;
      }
      const gone = await workspaces.remove(issue, signal, {
        keepsBranch,
        isOurs: this.#hadBranch(issue),
        mayGo: () => this.#mayGo(issue),
      });
      if (!gone.ok) left.push(`issue ${issue}: ${gone.failure.message}`);
      else if (gone.value.branchKeptFor === null) removed.push(issue);
    }
    return removed;
  }

  async #sweepPlans(signal: AbortSignal): Promise<readonly number[]> {
    const { paths } = this.#options.context;
    const directory = dirname(paths.plan(1));
    const removed: number[] = [];
    for (const name of await readdir(directory).catch((): string[] => [])) {
      const issue = issueOfName(basename(name, ".md"));
      const outcome = issue === null ? null : await this.#endOf(issue, signal);
      if (issue === null || outcome === null || this.#isRecent(outcome) || !this.#mayGo(issue)) continue;
      await rm(join(directory, name), { force: true }).then(
        () => removed.push(issue),
        () => undefined,
      );
    }
    return removed;
  }

  /**
   * Returns null while the issue has not ended, or nobody can say. GitHub is asked about an issue without an outcome,
   * because a person may have taken its label away and closed it later.
   */
  async #endOf(issue: number, signal: AbortSignal): Promise<IssueOutcome | null> {
    const { state } = this.#options.context;
    const known = state.issue(issue);
    if (this.#options.isInFlight(issue) || hasWork(known)) return null;
    const outcome = outcomeOf(known);
    if (outcome !== null) return outcome;
    const answer = await this.#ask(issue, signal);
    if (answer === "open" || answer === "unknown") return null;
    // I1: an issue that the state does not know gets no entry.
    if (!state.issues().has(issue)) return answer;
    await state.update(issue, (old) => (hasWork(old) || outcomeOf(old) !== null ? old : endIssue(old, answer)));
    return outcomeOf(state.issue(issue));
  }

  /** Begins a sweep; after an incomplete one, answers about open issues are kept (I2). */
  #beginRound(): void {
    const nowMs = this.#options.context.clock.monotonicMs();
    for (const [issue, { answer, atMs }] of this.#answers)
      if (this.#isComplete || answer !== "open" || nowMs - atMs > INTERVAL_MS) this.#answers.delete(issue);
    this.#questions = 0;
    this.#isComplete = true;
  }

  async #ask(issue: number, signal: AbortSignal): Promise<Answer> {
    const known = this.#answers.get(issue);
    if (known !== undefined) return known.answer;
    if (this.#questions === QUESTIONS_MAX) {
      this.#isComplete = false;
      return "unknown";
    }
    this.#questions += 1;
    const { github, clock } = this.#options.context;
    const answer = answerOf(await github.issue(issue, signal), clock.now());
    if (answer === "unknown") this.#isComplete = false;
    this.#answers.set(issue, { answer, atMs: clock.monotonicMs() });
    return answer;
  }

  /** Says whether the state remembers a branch or pull request of this issue (I1). */
  #hadBranch(issue: number): boolean {
    const { branch, pull } = this.#options.context.state.issue(issue);
    return branch !== null || pull !== null;
  }

  /** Says once more before a removal whether it may happen, because the issue may have come back meanwhile. */
  #mayGo(issue: number): boolean {
    const { state } = this.#options.context;
    const known = state.issue(issue);
    const hasEnded =
      outcomeOf(known) !== null || (!state.issues().has(issue) && typeof this.#answers.get(issue)?.answer === "object");
    return hasEnded && !hasWork(known) && !this.#options.isInFlight(issue);
  }

  #isKept(outcome: IssueOutcome): boolean {
    return outcome.kind === "closed" && this.#isRecent(outcome);
  }

  #isRecent({ at }: IssueOutcome): boolean {
    return this.#options.context.clock.now().getTime() - Date.parse(at) < KEPT_MS;
  }
}

function hasWork(state: IssueState): boolean {
  if (runOf(state) !== null || state.claim !== null) return true;
  return outcomeOf(state) === null && (questionOf(state) !== null || state.pull !== null);
}

function answerOf(read: Awaited<ReturnType<StageContext["github"]["issue"]>>, now: Date): Answer {
  if (!read.ok && read.failure.kind !== "not-found") return "unknown";
  if (read.ok && read.value.state === "open") return "open";
  const reason = read.ok ? "it was closed by someone else" : "GitHub has it no more";
  return { kind: "closed", reason, at: read.ok ? read.value.updatedAt : now.toISOString(), pull: null };
}
