// Moves an issue from one stage label to the next. Nothing else in the worker puts a stage label; a settlement that
// ends an issue may take all of them away.
//
// I1 The new label is added before the others are removed, so whatever call a crash cuts off, the issue has a stage
//    label.
// I2 The move stands in the journal before its first change, and `reconcile` leaves exactly one stage label.

import { fail, ok, type Result } from "../../core/base/result.ts";
import {
  hasLabel,
  isLegalMove,
  isSameLabel,
  labelName,
  type LabelKey,
  STAGE_LABELS,
  type StageLabel,
  stageLabelsOf,
} from "../../core/domain/stage.ts";
import type { WorkerEvent } from "../events/event.ts";
import type { GitHub, GitHubFailure, Issue } from "../github/port/github.ts";
import type { IssueState } from "../state/issue-state.ts";
import type { Journal } from "../state/journal.ts";

export interface LabelMoverOptions {
  readonly github: GitHub;
  readonly journal: Journal;
  readonly labelPrefix: string;
  readonly emit: (event: WorkerEvent) => void;
  /** It has the cycle, and the pull request that carries the same label. */
  readonly stateOf: (issue: number) => IssueState;
}

/** The move is not in the table of legal moves, or someone else moved the issue, whose labels no longer say `from`. */
export interface IllegalMove {
  readonly kind: "illegal-move";
  readonly message: string;
  readonly retryable: false;
}

type MoveFailure = GitHubFailure | IllegalMove;

interface Move {
  readonly key: string;
  readonly from: StageLabel;
  readonly to: StageLabel;
}

export class LabelMover {
  readonly #options: LabelMoverOptions;

  constructor(options: LabelMoverOptions) {
    this.#options = options;
  }

  /**
   * Returns the issue as it is afterwards. A failure after the first change is retryable, because the move is to be
   * finished.
   */
  async move(
    issue: Issue,
    { from, to }: Pick<Move, "from" | "to">,
    state: IssueState,
    signal: AbortSignal,
  ): Promise<Result<Issue, MoveFailure>> {
    if (!isLegalMove(from, to)) return illegal(`#${issue.number} cannot go from ${from} to ${to}`);
    const open = this.#openMove(issue.number);
    if (open !== undefined && open.to !== to)
      await this.#options.journal.abandon(open.key, "another move took its place");
    const key = open?.to === to ? open.key : this.#newKey(issue.number, state.cycle, from, to);
    return this.#carryOut({ key, from, to }, issue, state.pull, signal);
  }

  /**
   * Ends a move that was cut short: at its own target, else at the most advanced label. Call it under a claim, for an
   * issue with several stage labels.
   */
  async reconcile(issue: Issue, signal: AbortSignal): Promise<Result<Issue, GitHubFailure>> {
    const { github, journal, labelPrefix, stateOf } = this.#options;
    const read = await github.issue(issue.number, signal);
    if (!read.ok) return read;
    const present = stageLabelsOf(read.value.labels, labelPrefix);
    const open = this.#openMove(issue.number);
    const isOurs =
      open !== undefined && present.length > 0 && present.every((label) => label === open.from || label === open.to);
    if (open !== undefined && !isOurs) await journal.abandon(open.key, "the labels were changed by someone else");
    const state = stateOf(issue.number);
    if (isOurs) return withoutIllegal(await this.#carryOut(open, read.value, state.pull, signal));
    const [first, ...others] = present.toReversed();
    if (first === undefined || others.length === 0) return ok(read.value);
    const key = this.#newKey(issue.number, state.cycle, others[0] ?? first, first);
    return withoutIllegal(
      await this.#carryOut({ key, from: others[0] ?? first, to: first }, read.value, state.pull, signal),
    );
  }

  async #carryOut(
    move: Move,
    issue: Issue,
    pull: number | null,
    signal: AbortSignal,
  ): Promise<Result<Issue, MoveFailure>> {
    let current = issue;
    // I2
    const moved = await this.#options.journal.effect<readonly string[], MoveFailure>(
      move.key,
      {
        alwaysLook: true,
        look: async (inner) => {
          const read = await this.#options.github.issue(issue.number, inner);
          if (!read.ok) return read;
          current = read.value;
          return ok(this.#isDone(current.labels, move.to) && pull === null ? current.labels : null);
        },
        act: (inner) => this.#swap(current, move, pull, inner),
      },
      signal,
    );
    if (!moved.ok) return moved;
    this.#options.emit({ type: "issue.moved", issue: issue.number, from: move.from, to: move.to });
    return ok({ ...current, labels: moved.value });
  }

  async #swap(
    issue: Issue,
    move: Move,
    pull: number | null,
    signal: AbortSignal,
  ): Promise<Result<readonly string[], MoveFailure>> {
    const present = stageLabelsOf(issue.labels, this.#options.labelPrefix);
    if (!present.includes(move.from) && !present.includes(move.to)) {
      return illegal(
        `#${issue.number} was moved by someone else: ${present.join(", ") || "no stage label"} instead of ${move.from}`,
      );
    }
    const labels = await this.#relabel(issue.number, move.to, signal);
    if (!labels.ok || pull === null) return labels;
    const onPull = await this.#relabel(pull, move.to, signal);
    if (onPull.ok || (await this.#isRefusedForGood(pull, onPull.failure, signal))) return labels;
    return fail({ ...onPull.failure, retryable: true });
  }

  /**
   * Says whether GitHub will not let us set the pull request's label. That is for people's eyes, so the issue goes on
   * without it. A refused credential may pass, and so may "not found" for a pull request that GitHub shows.
   */
  async #isRefusedForGood(pull: number, { kind, retryable }: GitHubFailure, signal: AbortSignal): Promise<boolean> {
    if (retryable || kind === "unauthorized") return false;
    if (kind !== "not-found") return true;
    const read = await this.#options.github.pull(pull, signal);
    return !read.ok && read.failure.kind === "not-found";
  }

  /**
   * Adds, then removes (I1), and returns the labels afterwards. After the first change every failure is to be tried
   * again.
   */
  async #relabel(
    number: number,
    to: StageLabel,
    signal: AbortSignal,
  ): Promise<Result<readonly string[], GitHubFailure>> {
    const { github } = this.#options;
    const added = await github.addLabels(number, [this.#name(to)], signal);
    if (!added.ok) return added;
    const superfluous = this.#superfluous(added.value, to);
    for (const label of superfluous) {
      const removed = await github.removeLabel(number, label, signal);
      if (!removed.ok) return fail({ ...removed.failure, retryable: true });
    }
    return ok(added.value.filter((label) => !superfluous.includes(label)));
  }

  /** Lists the labels to remove, written as the repository writes them. */
  #superfluous(labels: readonly string[], to: StageLabel): string[] {
    const others = STAGE_LABELS.filter((key) => key !== to).map((key) => this.#name(key));
    const names = [...others, this.#name("hitl-active")];
    return labels.filter((label) => names.some((name) => isSameLabel(name, label)));
  }

  #isDone(labels: readonly string[], to: StageLabel): boolean {
    return hasLabel(labels, this.#name(to)) && this.#superfluous(labels, to).length === 0;
  }

  #openMove(issue: number): Move | undefined {
    const open = this.#options.journal.pending().map(({ key }) => parseKey(key, issue));
    return open.findLast((move) => move !== undefined);
  }

  /** The same way may be gone several times in one cycle (review and back), so moves are counted. */
  #newKey(issue: number, cycle: number, from: StageLabel, to: StageLabel): string {
    const prefix = `${issue}.${cycle}/move/`;
    const used = this.#options.journal.keys(prefix).map((key) => Number.parseInt(key.slice(prefix.length), 10));
    return `${prefix}${Math.max(0, ...used) + 1}-${from}-${to}`;
  }

  #name(key: LabelKey): string {
    return labelName(this.#options.labelPrefix, key);
  }
}

function parseKey(key: string, issue: number): Move | undefined {
  const match = /^(\d+)\.\d+\/move\/\d+-([a-z]+)-([a-z]+)$/.exec(key);
  if (match === null || Number(match[1]) !== issue) return undefined;
  return { key, from: match[2] as StageLabel, to: match[3] as StageLabel };
}

function illegal(message: string): Result<never, IllegalMove> {
  return fail({ kind: "illegal-move", message, retryable: false });
}

/** Reconcile starts from labels that it has read, so only a change within its own calls can make a move illegal. */
function withoutIllegal(result: Result<Issue, MoveFailure>): Result<Issue, GitHubFailure> {
  if (result.ok || result.failure.kind !== "illegal-move") return result as Result<Issue, GitHubFailure>;
  return fail({ kind: "conflict", message: result.failure.message, status: 0, retryable: true, retryAt: null });
}
