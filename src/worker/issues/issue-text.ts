// Writes the texts that HydraFlow itself puts on GitHub: titles, messages and comments. Whatever an agent or a person
// wrote goes through disarm.ts first, so that a text closes, calls and links nothing but its own issue and pull
// request. Pure.

import type { PlanVerdict } from "../agent/contract/verdict.ts";
import type { Issue } from "../github/port/github.ts";
import { COMMENT_CHARACTERS_MAX, CUT_NOTICE } from "./issue-comment.ts";
import type { HitlCause } from "../state/issue-state.ts";
import { headOf, shortenedTo, tailOf } from "../text/cut-text.ts";
import { disarmMarkdown, disarmPlain } from "../text/disarm.ts";
import { withHiddenShown, withoutStyling } from "../text/hidden-characters.ts";
import { cutMarkdown } from "../text/markdown-code.ts";

const TITLE_CHARACTERS_MAX = 70;
/** GitHub allows 256 characters, and a character may have many units. */
const TITLE_UNITS_MAX = 200;
const PLAN_UNITS_MAX = 60_000;
const SUMMARY_UNITS_MAX = 4_000;
const MESSAGE_UNITS_MAX = 2_000;
const OUTPUT_UNITS_MAX = 3_000;
const FINDINGS_MAX = 50;
/** A fence has to be longer than any run of backticks in its text, and no longer than what still counts as a fence. */
const LONG_RUN = /`{9}(?=`)/g;
/** A plan may take what our own words around it leave of GitHub's limit. */
const PULL_PLAN_UNITS_MAX = COMMENT_CHARACTERS_MAX - 2 * SUMMARY_UNITS_MAX - 1_000;

/** Makes the title of a commit or pull request. The number stands first, so that cutting never loses it. */
export function titleOf(issue: Pick<Issue, "number" | "title">): string {
  const title = disarmPlain(issue.title.replace(/\s+/g, " ").trim());
  return shortenedTo(`Fixes #${issue.number}: ${title}`, TITLE_CHARACTERS_MAX, TITLE_UNITS_MAX);
}

/**
 * Makes title and message of the commit that a squash leaves on the base branch. The message is never empty, because
 * GitHub would list all commits in it.
 */
export function mergeMessage(
  issue: Pick<Issue, "number" | "title">,
  pull: { readonly number: number },
  summary: string,
): { title: string; message: string } {
  const text = disarmPlain(headOf(summary.trim(), MESSAGE_UNITS_MAX));
  const of = `Issue #${issue.number}, pull request #${pull.number}.`;
  return { title: `${titleOf(issue)} (#${pull.number})`, message: text === "" ? of : `${text}\n\n${of}` };
}

export function planComment(plan: string, summary: string): string {
  return `## Implementation Plan\n\n${quiet(summary, SUMMARY_UNITS_MAX)}\n\n${quiet(plan, PLAN_UNITS_MAX)}`;
}

export function satisfiedComment({ summary, evidence }: Pick<PlanVerdict, "summary" | "evidence">): string {
  const rows = Object.entries(evidence ?? {}).map(([name, text]) => `- ${name}: ${quietItem(text)}`);
  return `## Already satisfied\n\nThe code does this already, so the issue is closed. Reopen it and label it anew if that is wrong.\n\n${quiet(summary, SUMMARY_UNITS_MAX)}\n\n${rows.join("\n")}`;
}

export function pullBody(issue: Pick<Issue, "number">, summary: string, plan: string | null): string {
  const planned =
    plan === null
      ? ""
      : `\n\n<details><summary>Implementation plan</summary>\n\n${cutMarkdown(quiet(plan, PLAN_UNITS_MAX), PULL_PLAN_UNITS_MAX, CUT_NOTICE)}\n\n</details>`;
  return `Fixes #${issue.number}\n\n${quiet(summary, SUMMARY_UNITS_MAX)}${planned}`;
}

export function pullComment(pull: { readonly number: number }, summary: string): string {
  return `Implemented in #${pull.number}; the quality gate is green. Next: review.\n\n${quiet(summary, SUMMARY_UNITS_MAX)}`;
}

export interface ReviewText {
  readonly verdict: string;
  readonly summary: string;
  readonly findings: readonly string[];
}

export function reviewComment({ verdict, summary, findings }: ReviewText, round: number): string {
  const heading =
    verdict === "approve" ? "approved" : verdict === "request_changes" ? "changes requested" : "a question";
  const list = findings.slice(0, FINDINGS_MAX).map((finding) => `- ${quietItem(finding)}`);
  return [`## Review, round ${round}: ${heading}`, quiet(summary, SUMMARY_UNITS_MAX), list.join("\n")]
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
  waiting: "it waits for something that does not come",
};

/** Prepares what an agent or a person said to stand among words of ours. */
export function quoted(text: string, own: readonly number[] = []): string {
  return disarmMarkdown(headOf(text.trim(), SUMMARY_UNITS_MAX), { own });
}

/** `own` are the issue and the pull request that the question may link to. */
export function questionComment(
  cause: HitlCause,
  question: string,
  label: string,
  own: readonly number[] = [],
): string {
  return `## HydraFlow needs a person: ${CAUSES[cause]}

${disarmMarkdown(headOf(question.trim(), PLAN_UNITS_MAX), { own })}

**To answer**, write a comment here (anyone with write access to the repository may), or run \`hydraflow hitl answer\`. The work goes on with your answer.
While it waits, the issue carries the label \`${label}\`.`;
}

/**
 * Shows the end of a program's output as a block that the output cannot end by itself. It has to start at the first
 * column.
 */
export function codeBlock(output: string): string {
  const shown = withHiddenShown(withoutStyling(tailOf(output.trimEnd(), OUTPUT_UNITS_MAX)));
  const text = shown.replace(LONG_RUN, "$& ");
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

function quiet(text: string, unitsMax: number): string {
  return disarmMarkdown(headOf(text.trim(), unitsMax));
}

function quietItem(text: string): string {
  return disarmMarkdown(text.trim(), { inList: true });
}
