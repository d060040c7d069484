// Decides which words of an issue agents are given. The right to put the label is a right over what gets done, so the
// text that counts is the one that stood there when the label was put. An author without that right may change it
// afterwards; such a change reaches no agent: the text as it was is used, or a person is asked where nobody knows what
// it was.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { LABEL_OF_STAGE, labelName } from "../../core/domain/stage.ts";
import type { GitHub, GitHubFailure, Issue } from "../github/port/github.ts";
import type { AcceptedText, RunState } from "../state/issue-state.ts";
import { questionOf } from "../state/issue-way.ts";
import { gitHubOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext } from "../pipeline/stage-context.ts";
import type { StageOutcome } from "../pipeline/stage-outcome.ts";

/** GitHub's times are whole seconds, and a label that comes with the issue is written a moment after it. */
const SAME_MOMENT_MS = 2_000;

const OLDER_TEXT =
  "its text was changed after it had been accepted, by somebody who may not decide what is built; the text as it was is used";

export interface TextFacts {
  readonly github: Pick<GitHub, "mayWrite" | "textHistory">;
  /** It was just read. */
  readonly issue: Issue;
  /** It was accepted or asked about before; null at the first look. */
  readonly known: AcceptedText | null;
  /** The issue carries this stage label. */
  readonly label: string;
  /** It is true when a person has answered since `known` was asked about. */
  readonly isAnswered: boolean;
}

/** It is the text to work with, or the question that comes first. */
export type Acceptance =
  | { readonly kind: "accepted"; readonly text: AcceptedText }
  | { readonly kind: "ask"; readonly question: string; readonly text: AcceptedText };

export async function acceptText(facts: TextFacts, signal: AbortSignal): Promise<Result<Acceptance, GitHubFailure>> {
  const { github, issue, known } = facts;
  const isSame = known !== null && known.title === issue.title && known.body === issue.body;
  if (isSame && !known.isAsked) return ok(accepted(known));
  // Beside the author, only people with write access can change an issue's text.
  const author = await github.mayWrite(issue.author, signal);
  if (!author.ok) return author;
  if (author.value) return ok(accepted(textOf(issue)));
  const change = await strangerOf(facts, isSame, signal);
  if (!change.ok) return change;
  const { stranger, isOvertaken } = change.value;
  if (stranger === null) return ok(accepted(textOf(issue)));
  // An accepted text stays, whatever a stranger has made of it. But where somebody who may decide has changed it after
  // that, a person is asked.
  if (known !== null && !known.isAsked && !isOvertaken) return ok(accepted(known));
  return ok({ kind: "ask", question: questionAbout(stranger), text: { ...textOf(issue), isAsked: true } });
}

/** Returns the issue in the words that agents are given; a failure is the outcome that the run ends with instead. */
export async function acceptIssue(
  {
    github,
    state,
    config,
    clock,
    attention,
  }: Pick<StageContext, "github" | "state" | "config" | "clock" | "attention">,
  issue: Issue,
  { stage }: RunState,
  signal: AbortSignal,
): Promise<Result<Issue, StageOutcome>> {
  const suspicion = attention.suspicion(issue.number);
  if (suspicion !== null) return fail({ kind: "hand-off", ...suspicion });
  const before = state.issue(issue.number);
  const { text: known } = before;
  const word = questionOf(before)?.said?.is;
  // A person's decision about the issue itself needs no words of its author.
  if (stage === "hitl" && word === "end") return ok(issue);
  const label = labelName(config.labelPrefix, LABEL_OF_STAGE[stage]);
  const isAnswered = stage === "hitl" && word === "answer";
  const acceptance = await acceptText({ github, issue, known, label, isAnswered }, signal);
  if (!acceptance.ok) return fail(gitHubOutcome(acceptance.failure));
  const { text } = acceptance.value;
  if (acceptance.value.kind === "ask")
    return fail({ kind: "hand-off", cause: "not-ready", question: acceptance.value.question, change: { text } });
  const isOlder = text.title !== issue.title || text.body !== issue.body;
  const note = { at: clock.now().toISOString(), text: OLDER_TEXT };
  if (text !== known || isOlder)
    await state.update(issue.number, (old) => ({
      ...old,
      text,
      history: isOlder && old.history.at(-1)?.text !== OLDER_TEXT ? [...old.history, note] : old.history,
    }));
  return ok({ ...issue, title: text.title, body: text.body });
}

interface TextChange {
  /** They may have changed the text without the right to, since it was let pass; null when nobody has. */
  readonly stranger: string | null;
  /** It is true when somebody with the right has changed the text after that. */
  readonly isOvertaken: boolean;
}

async function strangerOf(
  facts: TextFacts,
  isSame: boolean,
  signal: AbortSignal,
): Promise<Result<TextChange, GitHubFailure>> {
  const { github, issue, known, label } = facts;
  const by = (stranger: string | null, isOvertaken = false) => ok({ stranger, isOvertaken });
  if (known?.isAsked === true && !facts.isAnswered) return by(issue.author);
  const history = await github.textHistory(issue.number, label, signal);
  if (!history.ok) return history;
  const since = known?.at ?? history.value.labelledAt ?? issue.createdAt;
  // Within one second nobody knows which came first. A text was read later than it was edited, so an accepted one has
  // the edits of its second; a label may have come before them.
  const edits = history.value.edits.filter(({ at }) => (known === null ? at >= since : at > since));
  let stranger: string | null = null;
  let isOvertaken = false;
  for (const edit of edits) {
    const editor = edit.by ?? issue.author;
    // An app acts with rights that the repository's owner gave it.
    const may = edit.byApp ? ok(true) : await github.mayWrite(editor, signal);
    if (!may.ok) return may;
    if (!may.value) stranger = editor;
    isOvertaken = may.value && stranger !== null;
  }
  if (stranger !== null) return by(stranger, isOvertaken);
  // A change that GitHub shows no edit for counts as the issue's author's.
  const isAccounted = known === null || isSame || edits.length > 0;
  if (!isAccounted) return by(issue.author);
  if (history.value.isComplete) return by(null);
  // Where GitHub does not show edits, only an issue that nothing has touched since surely has its old text.
  return by(Date.parse(issue.updatedAt) <= Date.parse(since) + SAME_MOMENT_MS ? null : issue.author);
}

function accepted(text: AcceptedText): Acceptance {
  return { kind: "accepted", text: text.isAsked ? { ...text, isAsked: false } : text };
}

/** Dates the text by GitHub's own clock, so that it shows which edits are later. */
function textOf({ title, body, updatedAt }: Issue): AcceptedText {
  return { title, body, at: updatedAt, isAsked: false };
}

function questionAbout(stranger: string): string {
  return `The text of this issue was changed by ${stranger} after it had got its label, and ${stranger} may not decide what is built here. Read it as it stands now: any answer lets exactly this text pass. Or take the label away.`;
}
