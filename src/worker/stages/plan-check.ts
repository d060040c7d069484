// The rules that a plan and a claim of "already satisfied" must keep before anything is built on them. Pure. Every
// problem is reported at once, in words that an agent can act on.

import { withoutTrailing } from "../../core/trim-end.ts";

const HEADINGS = {
  lite: ["Files to Modify", "Implementation Steps", "Testing Strategy"],
  full: [
    "Files to Modify",
    "New Files",
    "File Delta",
    "Implementation Steps",
    "Testing Strategy",
    "Acceptance Criteria",
    "Key Considerations",
  ],
} as const;

export type PlanScale = keyof typeof HEADINGS;

const STEPS_MIN: Readonly<Record<PlanScale, number>> = { lite: 1, full: 2 };
const STEP_WORDS_MIN = 3;
const CLARIFICATIONS_MAX = 3;
const LITE_BODY_CHARACTERS_MAX = 500;

const LITE_LABELS = ["bug", "typo", "docs"];
const LITE_TITLE = /\b(?:fix|typo|correct|patch|update|rename|bump|tweak)/i;
const FILE_PATH =
  /(?:^|[\s`'"(*])(?:[\w@.-]+\/)*[\w@.-]*\w\.\w{1,10}\b|(?:^|[\s`'"(*])(?:[\w@.-]+\/)+[\w@.-]+|\b(?:Makefile|Dockerfile|LICENSE)\b/m;
const TEST_FILE =
  /(?:^|[\s`'"(*/])(?:tests?|specs?|__tests__)\/|(?:[._-](?:test|spec)s?|test_[\w-]{1,100}|_test)\.\w|\btest_\w|\w(?:Tests?|Spec)\.\w/im;
const EMPTY_WORD =
  /^[\s\-*_`.]*(?:none|n\/?a|not applicable|later|tbd|to be (?:done|decided|defined)|no tests?(?: needed| required)?)[\s\-*_`.]*$/i;
const CONCRETE_TARGET = /`[^`\n]+`|[\w-]\.\w{1,10}\b|\w\(\)|[\w-]\/[\w-]/;

/** A small issue needs no seven-part plan. `labels` as they stand on the issue. */
export function planScaleOf(issue: {
  readonly title: string;
  readonly body: string;
  readonly labels: readonly string[];
}): PlanScale {
  if (issue.labels.some((label) => LITE_LABELS.includes(label.toLowerCase()))) return "lite";
  return issue.body.length < LITE_BODY_CHARACTERS_MAX && LITE_TITLE.test(issue.title) ? "lite" : "full";
}

/** What is wrong with the plan; empty when nothing is. */
export function checkPlan(plan: string, scale: PlanScale, wordsMin: number): string[] {
  const sections = sectionsOf(plan);
  const missing = HEADINGS[scale].filter((heading) => !sections.has(heading.toLowerCase()));
  const text = (heading: string): string => sections.get(heading.toLowerCase()) ?? "";
  return [
    ...missing.map((heading) => `the heading '## ${heading}' is missing`),
    ...checkFiles(text("Files to Modify"), scale === "full" ? text("New Files") : ""),
    ...checkSteps(text("Implementation Steps"), scale),
    ...checkTests(text("Testing Strategy")),
    ...checkLength(plan, scale, wordsMin),
    ...checkClarifications(plan),
  ];
}

export interface EvidenceClaim {
  /** Places where the wanted behaviour stands, as `path:line`. */
  readonly places: readonly { readonly path: string; readonly line: number }[];
  readonly problems: readonly string[];
}

/** Reads a claim that nothing is to be done. Whether the places exist is for the caller to see. */
export function readEvidence(evidence: {
  readonly feature: string;
  readonly tests: string;
  readonly criteria: string;
}): EvidenceClaim {
  const places = [...evidence.feature.matchAll(/(?<![\w@./-])\/*([\w@.-][\w@./-]*):(\d{1,7})\b/g)].map(
    ([, path = "", line = ""]) => ({
      path,
      line: Number(line),
    }),
  );
  const problems = places.length === 0 ? ["evidence.feature names no `path:line`"] : [];
  if (isEmptyWord(evidence.tests)) problems.push("evidence.tests names no test that proves it");
  if (isEmptyWord(evidence.criteria)) problems.push("evidence.criteria does not say how the criteria are met");
  return { places, problems };
}

/** Heading (lower case) → text below it. Any heading level counts, and so does a trailing colon. */
function sectionsOf(plan: string): Map<string, string> {
  const sections = new Map<string, string>();
  let heading = "";
  let isCode = false;
  for (const line of plan.split("\n")) {
    if (/^\s*(?:```|~~~)/.test(line)) isCode = !isCode;
    const found = isCode ? null : headingIn(line);
    if (found === null) sections.set(heading, `${sections.get(heading) ?? ""}${line}\n`);
    else {
      heading = found.replace(/[*_`]/g, "").replace(/:$/, "").toLowerCase();
      if (!sections.has(heading)) sections.set(heading, "");
    }
  }
  return sections;
}

/** What stands between the marks of a heading. */
function headingIn(line: string): string | null {
  const text = /^\s{0,3}#{1,6}\s+(\S.*)$/.exec(line)?.[1];
  return text === undefined ? null : withoutTrailing(withoutTrailing(text.trimEnd(), "#").trimEnd(), ":").trimEnd();
}

function checkFiles(modified: string, created: string): string[] {
  if (FILE_PATH.test(modified) || FILE_PATH.test(created)) return [];
  return ["'Files to Modify' names no file path"];
}

function checkSteps(text: string, scale: PlanScale): string[] {
  const steps = [...text.matchAll(/^\s{0,3}(?:\d+[.)]|[-*+])\s+(.*)$/gm)].map(([, step = ""]) => step);
  const problems: string[] = [];
  if (steps.length < STEPS_MIN[scale])
    problems.push(
      `'Implementation Steps' needs at least ${STEPS_MIN[scale]} list item${STEPS_MIN[scale] > 1 ? "s" : ""}`,
    );
  const short = steps.filter((step) => wordsOf(step) < STEP_WORDS_MIN);
  if (short.length > 0)
    problems.push(
      `steps under ${STEP_WORDS_MIN} words say too little: ${short
        .map((step) => `'${step}'`)
        .join(", ")
        .slice(0, 200)}`,
    );
  if (scale === "full" && steps.length > 0 && !steps.some((step) => CONCRETE_TARGET.test(step)))
    problems.push("no step names a concrete target, such as a file or a function");
  return problems;
}

function checkTests(text: string): string[] {
  if (isEmptyWord(text)) return ["'Testing Strategy' must say which tests come first; none or later is no strategy"];
  return TEST_FILE.test(text) ? [] : ["'Testing Strategy' names no test file"];
}

function checkLength(plan: string, scale: PlanScale, wordsMin: number): string[] {
  const words = wordsOf(plan);
  return scale === "full" && words < wordsMin ? [`the plan has ${words} words, at least ${wordsMin} are needed`] : [];
}

function checkClarifications(plan: string): string[] {
  const count = plan.match(/\[NEEDS CLARIFICATION\b/gi)?.length ?? 0;
  return count > CLARIFICATIONS_MAX
    ? [`${count} points need clarification, more than ${CLARIFICATIONS_MAX}: answer needs_input instead`]
    : [];
}

/** Nothing, or a word that stands for it. */
function isEmptyWord(text: string): boolean {
  return text.trim() === "" || EMPTY_WORD.test(text.trim());
}

function wordsOf(text: string): number {
  return text.split(/\s+/).filter((word) => /\w/.test(word)).length;
}
