// Gives an agent the person's answer to the question that stopped the work. Pure.

import type { Issue } from "../github/port/github.ts";
import type { IssueState } from "../state/issue-state.ts";
import { answerSections, feedbackSection, framePrompt, issueSection, planSection, questionSection } from "./prompt.ts";

export interface HitlParts {
  readonly issue: Issue;
  readonly plan: string | null;
  readonly state: Pick<IssueState, "guidance" | "feedback">;
  readonly question: string;
  readonly gateCommand: string;
}

export function hitlPrompt({ issue, plan, state, question, gateCommand }: HitlParts): string {
  const task = `Task: work on this issue had stopped with the question below, and a person has answered; the last <answer> is that one.
Do what the answer asks for, in the working tree as it is, no more. Your work is checked by \`${gateCommand}\`; leave it green.
Verdict: \`outcome\` is \`done\` with one or two sentences in \`summary\`, also when the answer needs no change of the code; or \`needs_input\` with \`question\`.`;
  const sections = [
    issueSection(issue),
    planSection(plan),
    feedbackSection(state.feedback),
    questionSection(question),
    answerSections(state.guidance),
  ];
  return framePrompt({ role: "hitl", task, sections });
}
