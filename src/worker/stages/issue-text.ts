// The texts that HydraFlow itself writes on GitHub: titles and comments. Pure. No text names a person with an @, so that
// nobody is called by a machine who did not ask for it.

import type { PlanVerdict } from "../agent/verdict.ts";
import type { Issue } from "../github/github.ts";
import type { HitlCause } from "../issue-state.ts";
import { cleanHead } from "../prompt/untrusted-text.ts";

const TITLE_LENGTH_MAX = 70;
const PLAN_CHARACTERS_MAX = 60_000;
const SUMMARY_CHARACTERS_MAX = 4_000;
const FINDINGS_MAX = 50;

/** For commits and pull requests; the number stands first, so that cutting never loses it. */
export function titleOf(issue: Issue): string {
  const title = `Fixes #${issue.number}: ${issue.title.replace(/\s+/g, " ").trim()}`;
  return title.length <= TITLE_LENGTH_MAX ? title : `${title.slice(0, TITLE_LENGTH_MAX - 1).trimEnd()}…`;
}

export function planComment(plan: string, summary: string): string {
  return `## Implementation Plan\n\n${quiet(summary)}\n\n${quiet(cleanHead(plan, PLAN_CHARACTERS_MAX))}`;
}

export function satisfiedComment({ summary, evidence }: Pick<PlanVerdict, "summary" | "evidence">): string {
  const rows = Object.entries(evidence ?? {}).map(([name, text]) => `- ${name}: ${quiet(text)}`);
  return `## Already satisfied\n\nThe code does this already, so the issue is closed. Reopen it and label it anew if that is wrong.\n\n${quiet(summary)}\n\n${rows.join("\n")}`;
}

export function pullBody(issue: Issue, summary: string, plan: string | null): string {
  const planned =
    plan === null
      ? ""
      : `\n\n<details><summary>Implementation plan</summary>\n\n${quiet(cleanHead(plan, PLAN_CHARACTERS_MAX))}\n\n</details>`;
  return `Fixes #${issue.number}\n\n${quiet(cleanHead(summary, SUMMARY_CHARACTERS_MAX))}${planned}`;
}

export function pullComment(pull: { readonly number: number }, summary: string): string {
  return `Implemented in #${pull.number}; the quality gate is green. Next: review.\n\n${quiet(cleanHead(summary, SUMMARY_CHARACTERS_MAX))}`;
}

export interface ReviewText {
  readonly verdict: string;
  readonly summary: string;
  readonly findings: readonly string[];
}

export function reviewComment({ verdict, summary, findings }: ReviewText, round: number): string {
  const heading =
    verdict === "approve" ? "approved" : verdict === "request_changes" ? "changes requested" : "a question";
  const list = findings.slice(0, FINDINGS_MAX).map((finding) => `- ${quiet(finding)}`);
  return [`## Review, round ${round}: ${heading}`, quiet(cleanHead(summary, SUMMARY_CHARACTERS_MAX)), list.join("\n")]
    .filter((part) => part !== "")
    .join("\n\n");
}

export function feedbackText({ summary, findings }: ReviewText): string {
  return [summary, ...findings.map((finding) => `- ${finding}`)].join("\n");
}

const CAUSES: Readonly<Record<HitlCause, string>> = {
  question: "a question came up",
  "not-ready": "the issue is not ready to be worked on",
  attempts: "every attempt failed",
  review: "the review needs a person",
  ci: "the checks need a person",
  conflict: "the branch conflicts with its base",
  agent: "the agent could not go on",
  git: "git or the pull request needs a person",
};

export function questionComment(cause: HitlCause, question: string, label: string): string {
  return `## HydraFlow needs a person: ${CAUSES[cause]}

${quiet(question)}

**To answer**, write a comment here (anyone with write access to the repository may), or run \`hydraflow hitl answer\`. The work goes on with your answer.
While it waits, the issue carries the label \`${label}\`.`;
}

/** Keeps a mention from calling somebody, and keeps the text from ending in a marker of ours. */
function quiet(text: string): string {
  return text
    .replace(/(^|[^\w`])@(?=[\w-])/g, "$1@\u2060")
    .replaceAll("<!--", "&lt;!--")
    .trim();
}
