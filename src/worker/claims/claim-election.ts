// Decides who owns an issue when several workers want it. GitHub has no compare-and-swap, so every contender first
// writes its claim and then reads all of them. Of two that both went on, the one that wrote later has seen the other's
// claim, and:
//
//   a new comment    yields to every valid claim with a lower id; comments made later are higher and yield to it
//   an edited one    yields to every valid claim, since it may have become valid after others had read
//
// I1 At most one goes on, in every order of their calls. Clocks may differ by twice the margin.
// I2 A claim is renewed only by an edit that was answered before it ran out (lease.ts); one that ran out is entered
//    again like a new contender.

import { isSameLogin } from "../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import { parseClaim, type ClaimMark } from "./claim-comment.ts";
import type { GitHub, GitHubFailure } from "../github/port/github.ts";

const TRUSTED_MAX = 1_000;

export interface ClaimHeld {
  readonly kind: "held";
  readonly owner: string;
  readonly until: Date;
}

export interface Claims {
  /** Our claims, oldest first; valid or not. */
  readonly own: readonly ClaimMark[];
  /** Valid claims of others, oldest first. */
  readonly foreign: readonly ClaimMark[];
}

/** Reads the claims on an issue. Only comments by our own login or by logins that may write count. */
export class ClaimReader {
  readonly #github: GitHub;
  readonly #owner: string;
  readonly #marginMs: number;
  readonly #trusted = new Map<string, boolean>();

  constructor(github: GitHub, owner: string, marginMs: number) {
    this.#github = github;
    this.#owner = owner;
    this.#marginMs = marginMs;
  }

  async read(issue: number, now: () => Date, signal: AbortSignal): Promise<Result<Claims, GitHubFailure>> {
    const comments = await this.#github.comments(issue, signal);
    if (!comments.ok) return comments;
    const marks: ClaimMark[] = [];
    for (const mark of comments.value.map(parseClaim).filter((each) => each !== null)) {
      const trusted = await this.#isTrusted(mark.author, signal);
      if (!trusted.ok) return trusted;
      if (trusted.value) marks.push(mark);
    }
    marks.sort((a, b) => a.commentId - b.commentId);
    // I2: a claim that ran out counts no more, whoever still works by it.
    const isValid = ({ expiresAt }: ClaimMark) => expiresAt.getTime() + this.#marginMs > now().getTime();
    return ok({
      own: marks.filter(({ owner }) => owner === this.#owner),
      foreign: marks.filter((mark) => mark.owner !== this.#owner && isValid(mark)),
    });
  }

  /** Says from when on the claims of others do not count any more, and whose is the strongest. */
  heldBy(foreign: readonly ClaimMark[]): ClaimHeld | null {
    const [first] = foreign;
    if (first === undefined) return null;
    const latest = Math.max(...foreign.map(({ expiresAt }) => expiresAt.getTime()));
    return { kind: "held", owner: first.owner, until: new Date(latest + this.#marginMs) };
  }

  async #isTrusted(login: string, signal: AbortSignal): Promise<Result<boolean, GitHubFailure>> {
    const known = this.#trusted.get(login.toLowerCase());
    if (known !== undefined) return ok(known);
    const viewer = await this.#github.viewer(signal);
    if (!viewer.ok) return viewer;
    const isOurs = viewer.value !== null && isSameLogin(viewer.value, login);
    const answer = isOurs ? ok(true) : await this.#github.mayWrite(login, signal);
    if (!answer.ok) return fail(answer.failure);
    // As long as GitHub does not say who we are, a login that may not write may still be ours.
    if (viewer.value === null && !answer.value) return answer;
    if (this.#trusted.size >= TRUSTED_MAX) this.#trusted.clear();
    this.#trusted.set(login.toLowerCase(), answer.value);
    return answer;
  }
}

/** I1: says, after the own comment was written, whether the claims that are read then leave the issue to us. */
export function isElected(
  own: { readonly commentId: number; readonly entry: "created" | "edited" },
  foreign: readonly ClaimMark[],
): boolean {
  if (own.entry === "edited") return foreign.length === 0;
  return foreign.every(({ commentId }) => commentId > own.commentId);
}
