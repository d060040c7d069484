// A soak has some repositories and an endless row of issues. The serial number alone decides which issue comes when and
// where, so that a run can be played again. This file is pure.

import { assertNever } from "../../core/base/errors.ts";
import { alreadyDone, alsoNoted, asksFirst, objectedOnce, plain, type SampleIssue } from "../sample-issue.ts";
import { packageJson, type SampleRepository, testCase, testFile } from "../sample-repositories.ts";

/** One round goes through every kind. The two that conflict come together, in one repository. */
const ROUND = ["plain", "changes wanted", "question", "already there", "conflict", "conflict"] as const;
type Kind = (typeof ROUND)[number];

const PLACES_IN_ROUND = ROUND.length - 1;
const NOTES = "NOTES.md";

export function soakRepositories(count: number): SampleRepository[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `soak-${index + 1}`;
    const files = {
      "package.json": packageJson(name),
      // Half of them leave it to HydraFlow how they are tested.
      ...(index % 2 === 0 ? { ".hydraflow/config.json": `${JSON.stringify({ gateCommand: "node --test" })}\n` } : {}),
      [NOTES]: `# Notes of ${name}\n\n`,
      "src/zero.js": "export function zero() {\n  return 0;\n}\n",
      "test/zero.test.js": testFile("zero", "zero", [["zero()", "0"]]),
    };
    return { owner: "acme", name, files, issues: [] };
  });
}

/** Gives the issue with this serial number, counted from 0, and the index of its repository. */
export function soakIssue(serial: number, repositories: number): { sample: SampleIssue; repository: number } {
  const round = Math.floor(serial / ROUND.length);
  const place = Math.min(serial % ROUND.length, PLACES_IN_ROUND - 1);
  // Each round begins one repository further, so that every kind comes to every repository.
  return {
    sample: sampleOf(kindOf(serial), serial),
    repository: (round * (PLACES_IN_ROUND + 1) + place) % repositories,
  };
}

/** Gives how many issues there are to be when `due` are due: the first of a pair waits for the second. */
export function readyOf(due: number): number {
  return due % ROUND.length === ROUND.length - 1 ? due - 1 : due;
}

function kindOf(serial: number): Kind {
  return ROUND[serial % ROUND.length] ?? "plain";
}

function sampleOf(kind: Kind, serial: number): SampleIssue {
  const module = `step-${serial}`;
  const name = `step${serial}`;
  const change = {
    title: `Add step ${serial}`,
    need: `The counter needs a step of ${serial}. Add a function that makes it, with a test that shows what it gives.`,
    module,
    code: `export function ${name}(count) {\n  return count + ${serial};\n}\n`,
    test: testFile(module, name, [[`${name}(1)`, String(serial + 1)]]),
  };
  switch (kind) {
    case "plain":
      return plain(change);
    case "changes wanted": {
      const addition = testCase("it adds to nothing", `${name}(0)`, String(serial));
      return objectedOnce({ ...change, finding: "The tests do not show what it makes of nothing.", addition });
    }
    case "question": {
      const code = `// {{answer}}\n${change.code}`;
      return asksFirst({ ...change, code, question: "What shall stand above it?", answer: `Step ${serial} of many` });
    }
    case "already there": {
      const [feature, tests, criteria] = ["src/zero.js:1", "test/zero.test.js", "zero gives nothing"];
      return alreadyDone({
        title: `Start at zero (${serial})`,
        need: "The counter starts nowhere.",
        feature,
        tests,
        criteria,
      });
    }
    case "conflict":
      return alsoNoted({ ...change, notes: NOTES, line: `- Step ${serial} is there.\n` });
    default:
      return assertNever(kind);
  }
}
