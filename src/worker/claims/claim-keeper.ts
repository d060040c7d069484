// Keeps the claims of this worker: on each issue in flight the label `<prefix>-in-progress` and one status comment,
// edited in place. A claim is held from triage to the end and renewed at half its lease (lease.ts); when it could not
// be renewed in time, `lost` says so before anyone else may take it. claim-election.ts has the rules of the election.

import { randomUUID } from "node:crypto";

import type { Clock } from "../../core/base/clock.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import { hasLabel, labelName, type Stage } from "../../core/domain/stage.ts";
import { activeBody, type ClaimMark, releasedBody } from "./claim-comment.ts";
import { type ClaimHeld, ClaimReader, isElected } from "./claim-election.ts";
import { claimGone, claimHeld, claimReleasing } from "./claim-record.ts";
import { Lease, isLeaseValid, type LeaseTerm } from "./lease.ts";
import type { WorkerEvent } from "../events/event.ts";
import type { GitHub, GitHubFailure, Issue } from "../github/port/github.ts";
import type { StateTracker } from "../state/state-tracker.ts";

export type { ClaimHeld } from "./claim-election.ts";

const MARGIN_MS_MAX = 60_000;
const MARGIN_SHARE = 0.1;
const RELEASED_TEXT = "**HydraFlow** is not working on this issue at the moment.";

export interface ClaimKeeperOptions {
  readonly github: GitHub;
  readonly state: Pick<StateTracker, "issue" | "update">;
  readonly clock: Clock;
  readonly emit: (event: WorkerEvent) => void;
  /** The owner is `<hostname>/<slug>/<instance>`. */
  readonly owner: string;
  readonly labelPrefix: string;
  readonly leaseMs: number;
}

export interface Claim {
  readonly issue: number;
  readonly owner: string;
  readonly commentId: number;
  readonly expiresAt: Date;
  /** Aborts when the lease could not be renewed in time: stop every effect on the issue at once. */
  readonly lost: AbortSignal;
}

type Acquired = Result<Claim, ClaimHeld | GitHubFailure>;

/** One attempt to write a claim: its lease counts from before the request. */
interface Bid extends LeaseTerm {
  readonly nonce: string;
  readonly since: Date;
}

/** Disposing keeps the claims on GitHub, for the next start of the same worker. */
export class ClaimKeeper implements AsyncDisposable {
  readonly #options: ClaimKeeperOptions;
  readonly #marginMs: number;
  readonly #reader: ClaimReader;
  readonly #held = new Map<number, Lease>();

  constructor(options: ClaimKeeperOptions) {
    this.#options = options;
    this.#marginMs = Math.min(MARGIN_MS_MAX, options.leaseMs * MARGIN_SHARE);
    this.#reader = new ClaimReader(options.github, options.owner, this.#marginMs);
  }

  /** Answers at once and without a call when the claim is held already. `held` says when to ask again. */
  async acquire(issue: Issue, stage: Stage, signal: AbortSignal): Promise<Acquired> {
    const held = this.#held.get(issue.number);
    if (held?.isValid() === true) return ok(held);
    const remembered = this.#options.state.issue(issue.number).claim;
    if (remembered?.is === "held") {
      const own = { commentId: remembered.commentId, expiresAt: new Date(remembered.expiresAt) };
      const resumed = await this.#extend(issue, own, stage, signal);
      if (resumed !== null) return resumed;
    }
    const claims = await this.#reader.read(issue.number, this.#now, signal);
    if (!claims.ok) return claims;
    const [own] = claims.value.own;
    const by = this.#reader.heldBy(claims.value.foreign);
    if (by !== null) {
      if (own !== undefined && own.expiresAt.getTime() > 0) await this.#withdraw(own.commentId, signal);
      return fail(by);
    }
    if (own === undefined) return this.#contend(issue, null, stage, signal);
    return (await this.#extend(issue, own, stage, signal)) ?? this.#contend(issue, own.commentId, stage, signal);
  }

  /** Returns the claim while it is valid. */
  held(issue: number): Claim | undefined {
    const held = this.#held.get(issue);
    return held?.isValid() === true ? held : undefined;
  }

  /** Changes the stage that the status comment shows, which renews the lease too. No call is made without a change. */
  async setStage(issue: number, stage: Stage, signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    const held = this.#held.get(issue);
    return held === undefined || held.stage === stage ? ok() : held.renew(stage, signal);
  }

  /** The claim was given up here, and GitHub may not show that yet: call `release` again. */
  isReleasing(issue: number): boolean {
    return this.#options.state.issue(issue).claim?.is === "releasing";
  }

  /**
   * The status comment says `closing` from now on, by default what an earlier call wanted. It succeeds when nothing is
   * held. The release is remembered before GitHub is told, so another call makes a failure or a crash good.
   */
  async release(
    issue: Pick<Issue, "number">,
    signal: AbortSignal,
    closing?: string,
  ): Promise<Result<undefined, GitHubFailure>> {
    const { number } = issue;
    const { state, emit } = this.#options;
    const held = this.#held.get(number);
    const kept = state.issue(number).claim;
    const commentId = held?.commentId ?? kept?.commentId;
    if (commentId === undefined) return ok();
    await held?.[Symbol.asyncDispose]();
    this.#held.delete(number);
    const isLate = kept?.is === "releasing";
    const text = closing ?? (isLate ? kept.closing : RELEASED_TEXT);
    // The claim is made worthless before it is given up: one that others may take must never be resumed from memory.
    await state.update(number, (old) => claimReleasing(old, commentId, text));
    const shown = await this.#showReleased(number, { commentId, text, isLate }, signal);
    if (!shown.ok) return shown;
    await this.#forget(number);
    emit({ type: "issue.released", issue: number });
    return ok();
  }

  /** Edits the comment first; the label is for people. "Not found" is believed when GitHub says it of the issue too. */
  async #showReleased(
    issue: number,
    { commentId, text, isLate }: { commentId: number; text: string; isLate: boolean },
    signal: AbortSignal,
  ): Promise<Result<undefined, GitHubFailure>> {
    const { github, owner } = this.#options;
    const edited = await github.updateComment(commentId, releasedBody(owner, randomUUID(), text), signal);
    if (!edited.ok && edited.failure.kind !== "not-found") return edited;
    if (!edited.ok || isLate) {
      const claims = await this.#reader.read(issue, this.#now, signal);
      if (!claims.ok) return claims.failure.kind === "not-found" ? this.#confirmGone(issue, signal) : claims;
      if (!edited.ok && claims.value.own.some((own) => own.commentId === commentId)) return fail(lagging(issue));
      // When somebody else has claimed it meanwhile, the label is theirs.
      if (claims.value.foreign.length > 0) return ok();
    }
    const removed = await github.removeLabel(issue, this.#label, signal);
    return !removed.ok && removed.failure.kind === "not-found" ? this.#confirmGone(issue, signal) : removed;
  }

  /** Nothing is to be given up where the issue is gone; a replica that lags is asked again later. */
  async #confirmGone(issue: number, signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    const read = await this.#options.github.issue(issue, signal);
    if (!read.ok) return read.failure.kind === "not-found" ? ok() : read;
    return fail(lagging(issue));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#held.values()].map((held) => held[Symbol.asyncDispose]()));
  }

  /** Goes on with an own claim that has not run out. Null means that there is none any more: contend for it. */
  async #extend(
    issue: Issue,
    { commentId, expiresAt }: Pick<ClaimMark, "commentId" | "expiresAt">,
    stage: Stage,
    signal: AbortSignal,
  ): Promise<Acquired | null> {
    const isSafe = () => this.#now().getTime() < expiresAt.getTime() - this.#marginMs;
    if (!isSafe()) return null;
    const bid = this.#newBid(stage);
    const edited = await this.#options.github.updateComment(commentId, this.#body(bid), signal);
    if (!edited.ok) return edited.failure.kind === "not-found" ? null : edited;
    return isSafe() ? this.#hold(issue, commentId, bid, signal) : null;
  }

  /** Writes a claim, then reads all: see claim-election.ts. `ownId` is an earlier comment of ours, used again. */
  async #contend(issue: Issue, ownId: number | null, stage: Stage, signal: AbortSignal): Promise<Acquired> {
    const { github } = this.#options;
    const bid = this.#newBid(stage);
    const written =
      ownId === null
        ? await github.createComment(issue.number, this.#body(bid), signal)
        : await github.updateComment(ownId, this.#body(bid), signal);
    if (!written.ok) return written;
    const commentId = written.value.id;
    const claims = await this.#reader.read(issue.number, this.#now, signal);
    if (!claims.ok) return claims;
    if (!isElected({ commentId, entry: ownId === null ? "created" : "edited" }, claims.value.foreign)) {
      await this.#withdraw(commentId, signal);
      return fail(
        this.#reader.heldBy(claims.value.foreign) ?? { kind: "held", owner: this.#options.owner, until: this.#now() },
      );
    }
    return this.#hold(issue, commentId, bid, signal);
  }

  async #hold(issue: Issue, commentId: number, bid: Bid, signal: AbortSignal): Promise<Acquired> {
    const { github, clock, owner, emit, leaseMs } = this.#options;
    if (!hasLabel(issue.labels, this.#label)) {
      const labelled = await github.addLabels(issue.number, [this.#label], signal);
      if (!labelled.ok) return labelled;
    }
    await this.#remember(issue.number, commentId, bid.expiresAt);
    if (!isLeaseValid(bid, clock)) return fail(tooSlow());
    const held = new Lease(
      { issue: issue.number, owner, commentId, ...bid, clock, leaseMs },
      {
        write: (stage, inner) => this.#rewrite(commentId, stage, bid, inner),
        remember: (expiresAt) =>
          expiresAt === null ? this.#forget(issue.number) : this.#remember(issue.number, commentId, expiresAt),
        lose: () => this.#held.delete(issue.number),
      },
    );
    this.#held.set(issue.number, held);
    emit({ type: "issue.claimed", issue: issue.number, stage: bid.stage, owner });
    return ok(held);
  }

  async #rewrite(
    commentId: number,
    stage: Stage,
    first: Bid,
    signal: AbortSignal,
  ): Promise<Result<Bid, GitHubFailure>> {
    const bid = { ...this.#newBid(stage), since: first.since, nonce: first.nonce };
    const edited = await this.#options.github.updateComment(commentId, this.#body(bid), signal);
    if (!edited.ok) this.#emitFailure("renew claim", edited.failure);
    return edited.ok ? ok(bid) : edited;
  }

  /** A claim that cannot be withdrawn runs out by itself; nobody owns the issue meanwhile, which is safe. */
  async #withdraw(commentId: number, signal: AbortSignal): Promise<void> {
    const edited = await this.#options.github.updateComment(
      commentId,
      releasedBody(this.#options.owner, randomUUID(), "Another **HydraFlow** worker has this issue."),
      signal,
    );
    if (!edited.ok) this.#emitFailure("withdraw claim", edited.failure);
  }

  #emitFailure(request: string, { status, message }: GitHubFailure): void {
    this.#options.emit({ type: "github.failed", request, status, message });
  }

  #remember(issue: number, commentId: number, expiresAt: Date): Promise<void> {
    return this.#options.state.update(issue, (old) => claimHeld(old, commentId, expiresAt.toISOString()));
  }

  #forget(issue: number): Promise<void> {
    const { state } = this.#options;
    return state.issue(issue).claim === null ? Promise.resolve() : state.update(issue, claimGone);
  }

  #newBid(stage: Stage): Bid {
    const { clock, leaseMs } = this.#options;
    const since = this.#now();
    const expiresAt = new Date(since.getTime() + leaseMs);
    const validUntil = new Date(expiresAt.getTime() - this.#marginMs);
    return {
      stage,
      nonce: randomUUID(),
      since,
      expiresAt,
      validUntil,
      validUntilMs: clock.monotonicMs() + leaseMs - this.#marginMs,
    };
  }

  #body(bid: Bid): string {
    return activeBody({ owner: this.#options.owner, ...bid });
  }

  #now = (): Date => this.#options.clock.now();

  get #label(): string {
    return labelName(this.#options.labelPrefix, "in-progress");
  }
}

function lagging(issue: number): GitHubFailure {
  return {
    kind: "conflict",
    message: `GitHub shows #${issue}, and yet knows nothing of it`,
    status: 404,
    retryable: true,
    retryAt: null,
  };
}

function tooSlow(): GitHubFailure {
  return {
    kind: "unreachable",
    message: "the claim ran out before GitHub had answered",
    status: 0,
    retryable: true,
    retryAt: null,
  };
}
