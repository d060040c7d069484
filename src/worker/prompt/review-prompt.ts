// Asks for a review of the work branch against its base. Pure.

import type { Issue } from "../github/github.ts";
import type { Guidance } from "../issue-state.ts";
import { answerSections, diffSection, framePrompt, issueSection, planSection } from "./prompt.ts";

export interface ReviewParts {
  readonly issue: Issue;
  readonly plan: string | null;
  readonly guidance: readonly Guidance[];
  /** A ref or sha that the diff is taken against. */
  readonly base: string;
  readonly round: number;
  readonly diff: string;
}

const TASK = `Task: review the change below, which is the whole of HEAD against the base, as the last reader before it is merged.
Does it do what the issue asks, all of it and nothing else? Is it right at the edges, tested by tests that could fail, and readable?
Read the files around the diff; change nothing. The quality gate was green for this commit.
Verdict: \`verdict\` is \`approve\`, \`request_changes\` or \`needs_input\` (with a question for a person in \`question\`); \`summary\` a short paragraph;
\`findings\` what must be mended, each with its file, so that the author needs no second question. Do not ask for changes of mere taste.`;

export function reviewPrompt({ issue, plan, guidance, base, round, diff }: ReviewParts): string {
  const facts = { Base: base, Round: String(round) };
  return framePrompt({
    role: "review",
    task: TASK,
    facts,
    sections: [issueSection(issue), planSection(plan), answerSections(guidance), diffSection(diff)],
  });
}
