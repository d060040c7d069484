import { describe, expect, it } from "vitest";

import { checkPlan, planScaleOf, readEvidence } from "../../../src/worker/workbench/plan-check.ts";
import { GOOD_PLAN } from "../../support/scripted-agent.ts";

const LITE_PLAN = `## Files to Modify
- src/app.ts

## Implementation Steps
1. Change the greeting in src/app.ts.

## Testing Strategy
Extend test/app.test.ts first.
`;

const replaced = (from: string | RegExp, to: string): string => GOOD_PLAN.replace(from, to);
const CLARIFY = "[NEEDS CLARIFICATION: x]";

describe("A plan", () => {
  it.each([
    "notes/水.md",
    "`my notes/to do`",
    "Straße.txt",
    "- `-rf.txt`",
    '"quo\\"ted.md"',
    "日本/",
    "Makefile",
    "(a-b/c)",
  ])("may name the file %s", (file) => {
    expect(checkPlan(LITE_PLAN.replace("- src/app.ts", `- ${file}: changed`), "lite", 0)).toEqual([]);
  });

  it.each(["tests/水.md", "`test/größe test.ts`", "größe.test.ts", "test_水.py", "水Test.java"])(
    "may name the test %s",
    (file) => {
      expect(checkPlan(LITE_PLAN.replace("test/app.test.ts", file), "lite", 0)).toEqual([]);
    },
  );

  it("that keeps every rule passes", () => {
    expect(checkPlan(GOOD_PLAN, "full", 20)).toEqual([]);
    expect(checkPlan(LITE_PLAN, "lite", 200)).toEqual([]);
  });

  it.for([
    [
      "lacks a heading",
      replaced("## Acceptance Criteria", "Acceptance"),
      "the heading '## Acceptance Criteria' is missing",
    ],
    [
      "names no file",
      replaced(/- `README.md`.*\n/, "- things\n").replace("- `part.txt`: the part itself.", "- more"),
      "'Files to Modify' names no file path",
    ],
    ["has one step only", replaced(/2\. Add.*\n/, ""), "'Implementation Steps' needs at least 2 list items"],
    [
      "has steps that say nothing",
      replaced(/2\. Add.*\n/, "2. Do it.\n"),
      "steps under 3 words say too little: 'Do it.'",
    ],
    [
      "has no concrete target",
      replaced(/1\. Write.*\n2\. Add.*\n/, "1. write the failing proof first\n2. add what is being asked for\n"),
      "no step names a concrete target, such as a file or a function",
    ],
    [
      "puts tests off",
      replaced(/`test\/part.test.js` proves.*\n/, "TBD\n"),
      "'Testing Strategy' must say which tests come first; none or later is no strategy",
    ],
    [
      "names no test file",
      replaced(/`test\/part.test.js` proves.*\n/, "We look at it by hand.\n"),
      "'Testing Strategy' names no test file",
    ],
    [
      "leaves too much open",
      `${GOOD_PLAN}${CLARIFY} ${CLARIFY} ${CLARIFY} ${CLARIFY}`,
      "4 points need clarification, more than 3: answer needs_input instead",
    ],
  ] as const)("that %s is refused with the reason", ([, plan, problem]) => {
    expect(checkPlan(plan, "full", 20)).toEqual([problem]);
  });

  it("that is too short is refused at full scale alone", () => {
    expect(checkPlan(GOOD_PLAN, "full", 500)).toEqual([
      expect.stringMatching(/^the plan has \d+ words, at least 500 are needed$/),
    ]);
    expect(checkPlan(LITE_PLAN, "lite", 500)).toEqual([]);
  });

  it("has every problem named at once", () => {
    expect(checkPlan("Just do it.", "full", 20).length).toBeGreaterThan(8);
  });

  it("may have headings of any level, and headings inside code do not count", () => {
    const plan = LITE_PLAN.replaceAll("## ", "# ").replace("# Testing Strategy", "### Testing Strategy:");

    expect(checkPlan(plan, "lite", 0)).toEqual([]);
    expect(checkPlan(`\`\`\`\n${LITE_PLAN}\`\`\`\n`, "lite", 0)).toContain(
      "the heading '## Testing Strategy' is missing",
    );
  });
});

describe("The scale of a plan", () => {
  const body = "x".repeat(600);
  it.for([
    ["lite", { title: "Add a parser", body, labels: ["Docs"] }],
    ["lite", { title: "Fix the typo", body: "short", labels: [] }],
    ["full", { title: "Fix the typo", body, labels: [] }],
    ["full", { title: "Add a parser", body: "short", labels: ["hydraflow-find"] }],
  ] as const)("is %s for %o", ([scale, issue]) => {
    expect(planScaleOf({ ...issue, labels: [...issue.labels] })).toBe(scale);
  });
});

describe("Evidence that an issue is satisfied already", () => {
  it("names places, and is read without being cut", () => {
    const feature = `${"In words. ".repeat(100)} src/core/files/paths.ts:42 and README.md:7`;

    expect(readEvidence({ feature, tests: "test/paths.test.ts", criteria: "all met" })).toEqual({
      places: [
        { path: "src/core/files/paths.ts", line: 42 },
        { path: "README.md", line: 7 },
      ],
      problems: [],
    });
  });

  it("without a place, a test or a criterion is none", () => {
    expect(readEvidence({ feature: "somewhere", tests: "none", criteria: "" }).problems).toHaveLength(3);
  });
});

describe("The places of a claim", () => {
  it("may have names beyond ASCII, ranges and marks around them", () => {
    const feature = "see `notes/水.md:3`, (src/größe.ts:12-15) and src/a.ts:7:2.";

    expect(readEvidence({ feature, tests: "x", criteria: "y" }).places).toEqual([
      { path: "notes/水.md", line: 3 },
      { path: "src/größe.ts", line: 12 },
      { path: "src/a.ts", line: 7 },
    ]);
  });
});
