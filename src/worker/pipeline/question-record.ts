// Changes the state of an issue at the question to a person and at that person's word. Pure.

import type { HitlState, IssueState, Word } from "../state/issue-state.ts";
import { isUnderWay, questionOf, restOf, type Way } from "../state/issue-way.ts";

/** Asks this, whatever was asked before. */
export function askPerson(state: IssueState, question: HitlState): IssueState {
  return { ...state, way: withQuestion(state.way, question) };
}

/** A person put the issue on hold; a question that stands already stays. */
export function putOnHold(state: IssueState, question: HitlState): IssueState {
  return questionOf(state) === null ? askPerson(state, question) : state;
}

/** Notes which comment asks the question. */
export function noteComment(state: IssueState, commentId: number): IssueState {
  const asked = questionOf(state);
  return asked === null ? state : askPerson(state, { ...asked, commentId });
}

/** Takes a person's word in. The first one counts. */
export function takeWord(state: IssueState, said: Word): IssueState {
  const asked = questionOf(state);
  return asked === null || isDecided(asked) ? state : askPerson(state, { ...asked, said });
}

export function isDecided(asked: HitlState): boolean {
  return asked.said !== null;
}

function withQuestion(way: Way, asked: HitlState): Way {
  if (way.is === "ended") return { ...way, onHold: asked };
  return isUnderWay(way) ? { ...way, asked } : restOf(asked);
}
