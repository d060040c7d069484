// Asks for an implementation plan, and once more when the plan breaks the rules of workbench/plan-check.ts. Pure.

import type { Issue } from "../github/port/github.ts";
import type { Guidance } from "../state/issue-state.ts";
import type { PlanScale } from "./plan-sections.ts";
import { answerSections, framePrompt, issueSection } from "./prompt.ts";

const HEADINGS: Readonly<Record<PlanScale, string>> = {
  full: "`## Files to Modify`, `## New Files`, `## File Delta` (lines `MODIFIED: path`, `ADDED: path` or `REMOVED: path`), `## Implementation Steps`, `## Testing Strategy`, `## Acceptance Criteria`, `## Key Considerations`",
  lite: "`## Files to Modify`, `## Implementation Steps`, `## Testing Strategy`",
};

export function planPrompt(issue: Issue, guidance: readonly Guidance[], scale: PlanScale, wordsMin: number): string {
  const words = scale === "full" && wordsMin > 0 ? ` At least ${wordsMin} words.` : "";
  const task = `Task: write the plan by which another engineer builds this. Read the code first; change nothing.
The plan is Markdown with these headings: ${HEADINGS[scale]}.${words}
Name real file paths. Number the steps, each a full sentence that says what to change and where. Under Testing Strategy name the test
files to write or change and what they prove; write tests first. Mark what only a person can decide as [NEEDS CLARIFICATION: question].
Verdict: \`outcome\` is \`plan\` with the plan in \`plan\` and one sentence in \`summary\`; or \`already_satisfied\` when the code does all of it
already, with \`evidence\`: in \`feature\` the places as path:line, in \`tests\` what proves it, in \`criteria\` how each is met; or \`needs_input\` with
\`question\`.`;
  return framePrompt({ role: "plan", task, sections: [issueSection(issue), answerSections(guidance)] });
}

/** Asks once more, in the same session. */
export function replanPrompt(problems: readonly string[]): string {
  const list = problems.map((problem) => `- ${problem}`).join("\n");
  return framePrompt({
    role: "plan",
    task: `Task: your answer breaks these rules. Mend it and end with the whole verdict again, not only with what changed.\n${list}`,
    sections: [],
  });
}
