// Asks whether an issue can be worked on without a person. Pure.

import type { Issue } from "../github/port/github.ts";
import type { Guidance } from "../state/issue-state.ts";
import { answerSections, framePrompt, issueSection } from "./prompt.ts";

const TASK = `Task: judge whether this issue can be planned and built without asking anybody.
Look at the code as far as you need to. Judge four things: is it clear what is wanted, is it specific enough, can it be done by
changing this repository, and is it one change of reasonable size?
Verdict: \`ready\` true only if all four hold; \`reasons\` one short sentence each, also when ready; \`type\` feature, bug or epic (an epic
is more than one change: not ready); \`complexity\` 0 (trivial) to 10; when not ready, \`question\` is what a person must answer, so
clear that the answer alone lets the work go on.`;

export function triagePrompt(issue: Issue, guidance: readonly Guidance[]): string {
  return framePrompt({ role: "triage", task: TASK, sections: [issueSection(issue), answerSections(guidance)] });
}
