// Changes what the state of an issue says of our claim on it. Pure.

import type { IssueState } from "../state/issue-state.ts";

export function claimHeld(state: IssueState, commentId: number, expiresAt: string): IssueState {
  return { ...state, claim: { is: "held", commentId, expiresAt } };
}

/** Nobody goes on with the claim any more, and GitHub is yet to show that with these last words. */
export function claimReleasing(state: IssueState, commentId: number, closing: string): IssueState {
  return { ...state, claim: { is: "releasing", commentId, closing } };
}

export function claimGone(state: IssueState): IssueState {
  return state.claim === null ? state : { ...state, claim: null };
}
