// Changes what the state of an issue says of our claim on it. Pure.

import type { IssueState } from "../state/issue-state.ts";

export function claimHeld(state: IssueState, commentId: number, expiresAt: string): IssueState {
  return { ...state, claim: { commentId, expiresAt } };
}

/** The claim is worth nothing any more, and GitHub is yet to show that with these last words. */
export function claimReleasing(state: IssueState, commentId: number, closing: string): IssueState {
  return { ...state, claim: { commentId, expiresAt: NEVER_VALID, closing } };
}

export function claimGone(state: IssueState): IssueState {
  return state.claim === null ? state : { ...state, claim: null };
}

const NEVER_VALID = new Date(0).toISOString();
