// Checks the rules that a plan and a claim of "already satisfied" must keep before anything is built on them. Every
// problem is reported at once, in words that an agent can act on. Pure.

import { PLAN_SECTIONS, type PlanScale } from "../prompt/plan-sections.ts";

const STEPS_MIN: Readonly<Record<PlanScale, number>> = { lite: 1, full: 2 };
const STEP_WORDS_MIN = 3;
const CLARIFICATIONS_MAX = 3;
const LITE_BODY_CHARACTERS_MAX = 500;

const LITE_LABELS = ["bug", "typo", "docs"];
const LITE_TITLE = /\b(?:fix|typo|correct|patch|update|rename|bump|tweak)/i;
const TOKEN_CHARACTERS_MAX = 300;
const FILE_PATH =
  /^(?:[^/]*[\p{L}\p{M}\p{N}_]\.[\p{L}\p{N}_]{1,10}|[^/]+(?:\/[^/]+)+\/?|\.?\/?(?:[^/]+\/)+|Makefile|Dockerfile|LICENSE)$/u;
const TEST_FILE =
  /(?:^|\/)(?:tests?|specs?|__tests__)\/|(?:[._-](?:test|spec)s?|_test)\.[\p{L}\p{N}_]+$|(?:^|\/|-)test_|[\p{L}\p{N}_](?:Tests?|Spec)\.[\p{L}\p{N}_]+$/iu;
const EMPTY_WORD =
  /^[\s\-*_`.]*(?:none|n\/?a|not applicable|later|tbd|to be (?:done|decided|defined)|no tests?(?: needed| required)?)[\s\-*_`.]*$/i;
/** It matches a name in code marks, or a function. */
const CONCRETE_TARGET = /`[^`\n]+`|[\p{L}\p{N}_]\(\)/u;

/** Picks the scale, because a small issue needs no seven-part plan. `labels` are as they stand on the issue. */
export function planScaleOf(issue: {
  readonly title: string;
  readonly body: string;
  readonly labels: readonly string[];
}): PlanScale {
  if (issue.labels.some((label) => LITE_LABELS.includes(label.toLowerCase()))) return "lite";
  return issue.body.length < LITE_BODY_CHARACTERS_MAX && LITE_TITLE.test(issue.title) ? "lite" : "full";
}

/** Lists what is wrong with the plan. */
export function checkPlan(plan: string, scale: PlanScale, wordsMin: number): string[] {
  const sections = sectionsOf(plan);
  const missing = PLAN_SECTIONS[scale].filter((heading) => !sections.has(heading.toLowerCase()));
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
  /** The claim says, as `path:line`, that the wanted behaviour stands in these places. */
  readonly places: readonly { readonly path: string; readonly line: number }[];
  readonly problems: readonly string[];
}

/** Reads a claim that nothing is to be done. Whether the places exist is for the caller to see. */
export function readEvidence(evidence: {
  readonly feature: string;
  readonly tests: string;
  readonly criteria: string;
}): EvidenceClaim {
  const places = tokensOf(evidence.feature).flatMap((token) => {
    const [, path, line] = /^([^:]+):(\d{1,7})(?!\d)/.exec(token) ?? [];
    return path === undefined ? [] : [{ path, line: Number(line) }];
  });
  const problems = places.length === 0 ? ["evidence.feature names no `path:line`"] : [];
  if (isEmptyWord(evidence.tests)) problems.push("evidence.tests names no test that proves it");
  if (isEmptyWord(evidence.criteria)) problems.push("evidence.criteria does not say how the criteria are met");
  return { places, problems };
}

/** Maps each heading, in lower case, to the text below it. A heading may have any level and a trailing colon. */
function sectionsOf(plan: string): Map<string, string> {
  const sections = new Map<string, string>();
  let heading = "";
  let isCode = false;
  for (const line of plan.split("\n")) {
    if (/^\s*(?:```|~~~)/.test(line)) isCode = !isCode;
    const found = isCode ? undefined : headingOf(line);
    if (found === undefined) sections.set(heading, `${sections.get(heading) ?? ""}${line}\n`);
    else {
      heading = found;
      if (!sections.has(heading)) sections.set(heading, "");
    }
  }
  return sections;
}

/** Returns the heading in lower case, without marks and a colon at its end; undefined for any other line. */
function headingOf(line: string): string | undefined {
  if (!/^\s{0,3}#{1,6}\s/.test(line)) return undefined;
  let text = line.trim().replace(/^#+/, "").replace(/[*_`]/g, "").trim();
  while (text.endsWith("#")) text = text.slice(0, -1);
  text = text.trim();
  return (text.endsWith(":") ? text.slice(0, -1).trim() : text).toLowerCase() || undefined;
}

function checkFiles(modified: string, created: string): string[] {
  if (tokensOf(`${modified}\n${created}`).some((token) => FILE_PATH.test(token))) return [];
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
  if (scale === "full" && steps.length > 0 && !steps.some(isConcrete))
    problems.push("no step names a concrete target, such as a file or a function");
  return problems;
}

function checkTests(text: string): string[] {
  if (isEmptyWord(text)) return ["'Testing Strategy' must say which tests come first; none or later is no strategy"];
  return tokensOf(text).some((token) => TEST_FILE.test(token)) ? [] : ["'Testing Strategy' names no test file"];
}

function checkLength(plan: string, scale: PlanScale, wordsMin: number): string[] {
  const words = wordsOf(plan);
  return scale === "full" && words < wordsMin ? [`the plan has ${words} words, at least ${wordsMin} are needed`] : [];
}

function checkClarifications(plan: string): string[] {
  const count = plan.match(/\[NEEDS CLARIFICATION[^[\]]*\]/gi)?.length ?? 0;
  return count > CLARIFICATIONS_MAX
    ? [`${count} points need clarification, more than ${CLARIFICATIONS_MAX}: answer needs_input instead`]
    : [];
}

/** Says whether the text is empty, or a word that stands for nothing. */
function isEmptyWord(text: string): boolean {
  return text.trim() === "" || EMPTY_WORD.test(text.trim());
}

function isConcrete(step: string): boolean {
  return CONCRETE_TARGET.test(step) || tokensOf(step).some((token) => FILE_PATH.test(token));
}

/**
 * Finds what may name a file: pieces between white space and the marks that people put around names, and what stands in
 * code marks.
 */
function tokensOf(text: string): string[] {
  const quoted = [...text.matchAll(/`([^`\n]+)`/g)].map(([, name = ""]) => name);
  const pieces = text.split(/[\s`'"()*<>[\],;|]+/u).map((piece) => piece.replace(/[.:!?]{1,3}$/, ""));
  return [...new Set([...quoted, ...pieces])].filter((token) => token !== "" && token.length <= TOKEN_CHARACTERS_MAX);
}

function wordsOf(text: string): number {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}_]/u.test(word)).length;
}
