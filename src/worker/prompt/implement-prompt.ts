// Asks to build the plan, and to mend what a failed gate or a failed CI check shows. Pure.

import type { Issue } from "../github/port/github.ts";
import type { IssueState } from "../state/issue-state.ts";
import { answerSections, feedbackSection, framePrompt, issueSection, outputSection, planSection } from "./prompt.ts";

const VERDICT =
  "Verdict: `outcome` is `done` with one or two sentences in `summary`, or `needs_input` with `question`.";

export interface ImplementParts {
  readonly issue: Issue;
  readonly plan: string | null;
  readonly state: Pick<IssueState, "guidance" | "feedback">;
  readonly gateCommand: string;
}

export function implementPrompt({ issue, plan, state, gateCommand }: ImplementParts): string {
  const review =
    state.feedback === null ? "" : " A reviewer asked for changes: see <feedback>, and settle every point of it.";
  const task = `Task: implement this issue by its plan, tests first.${review} Keep to the style of the code around you and change nothing beyond the task.
Your work is checked by \`${gateCommand}\`; run it before you end and leave it green.
${VERDICT}`;
  const sections = [
    issueSection(issue),
    planSection(plan),
    answerSections(state.guidance),
    feedbackSection(state.feedback),
  ];
  return framePrompt({ role: "implement", task, sections });
}

/** Asks to mend what `command` shows after the work, in the same session. */
export function gateFixPrompt(
  role: "implement" | "hitl" | "review",
  issue: Issue,
  command: string,
  output: string,
): string {
  const task = `Task: \`${command}\` fails. Its last output stands below. Find the cause, mend the code and not the check, and leave the command green.\n${VERDICT}`;
  return framePrompt({ role, task, sections: [issueSection(issue), outputSection(output)] });
}

/** Asks to mend what checks of the pull request show on the server, in a new session. */
export function ciFixPrompt(issue: Issue, log: string): string {
  const task = `Task: the pull request of this issue is approved, but its checks on the server fail. What they say stands below. Find the cause and mend it, the code and not the check.\n${VERDICT}`;
  return framePrompt({ role: "implement", task, sections: [issueSection(issue), outputSection(log)] });
}

/** Asks to resolve the conflicts of the work with a base branch that has moved. */
export function conflictPrompt(issue: Issue, base: string, files: readonly string[]): string {
  const list = files.map((file) => `- ${file}`).join("\n");
  const task = `Task: the branch ${base} was merged into the work for this issue and conflicts in the files below. Their conflict markers are in the working tree.
Resolve each so that both sides keep their meaning, remove every marker, and do not commit.
${VERDICT}`;
  return framePrompt({
    role: "implement",
    task,
    facts: { Base: base },
    sections: [issueSection(issue), outputSection(list)],
  });
}
