// No text from outside holds a loop: every expression and every reader of texts in the code is found there and fed
// hostile texts of 100 KB. What the linter proves of expressions (scripts/lint) is measured here, and so is plain code.

import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";

import { type Job, type Outcome, REDACT, TEXT } from "./hostile-worker.ts";
import { type FoundReader, findTextReaders } from "./text-readers.ts";

const MS_MAX = 50;
/**
 * The time for 100 KB may be so many times that for 50 KB: it is 2 when linear, 4 when quadratic. It decides above the
 * bound, where a busy machine may be at fault.
 */
const RATIO_MAX = 3;
const MS_MAX_LINEAR = 250;
const SILENCE_MS = 10_000;

const FILE = { path: TEXT, kind: "modified", oldMode: "100644", newMode: "100644", oldId: "1", newId: "2" };
const CHANGED = { ...FILE, isBinary: false, insertions: 1, deletions: 1, isSubmodule: false, linkTarget: null };
const ISSUE = { number: 1, title: TEXT, body: TEXT, labels: [TEXT] };
const COMMENT = { id: 1, author: TEXT, body: TEXT, updatedAt: "2026-01-01T00:00:00Z" };

/** A reader that takes more than texts, numbers and dates is called with these. */
const CALLS: Readonly<Record<string, readonly unknown[]>> = {
  "src/worker/claims/claim-comment.ts#parseClaim": [COMMENT],
  "src/worker/agent/claude/claude-stream.ts#parseStreamLine": [TEXT, REDACT],
  "src/worker/git/changes/change-links.ts#followLink": [TEXT, new Map([["x", TEXT]])],
  "src/worker/git/changes/change-links.ts#placesOfLink": [TEXT, new Map([["x", TEXT]])],
  "src/worker/git/changes/change-output.ts#splitDiff": [TEXT, [CHANGED], false],
  "src/worker/git/command/git-failure.ts#gitFailure": ["failed", TEXT, 1],
  "src/worker/github/transport/network-way.ts#networkWay": ["https://api.github.com", { NO_PROXY: TEXT }],
  "src/worker/prompt/prompt.ts#repairPrompt": ["review", TEXT],
  "src/worker/prompt/prompt.ts#planSection": [TEXT],
  "src/worker/prompt/prompt.ts#feedbackSection": [TEXT],
  "src/worker/issues/issue-text.ts#mergeMessage": [ISSUE, { number: 2 }, TEXT],
  "src/worker/issues/issue-text.ts#pullBody": [ISSUE, TEXT, TEXT],
  "src/worker/issues/issue-text.ts#pullComment": [{ number: 2 }, TEXT],
  "src/worker/issues/issue-text.ts#questionComment": ["question", TEXT, TEXT, []],
  "src/worker/protection/path-pattern.ts#isMatch": [{ segments: ["**", "a*b*c", ".github"] }, TEXT, "covered"],
  "src/worker/workbench/plan-check.ts#checkPlan": [TEXT, "full", 200],
  "src/worker/workbench/plan-check.ts#readEvidence": [{ feature: TEXT, tests: TEXT, criteria: TEXT }],
  "src/worker/workbench/plan-check.ts#planScaleOf": [ISSUE],
  "src/worker/agent/contract/agent-words.ts#readWords": [{ byCli: [TEXT, TEXT], last: TEXT, now: new Date() }],
  "src/worker/text/markdown-code.ts#findCode": [TEXT, { withFences: true }],
};

/** These functions of modules that read texts are given none from outside themselves; each says why. */
const NOT_FED: Readonly<Record<string, string>> = {
  "src/admin/routes/query.ts#parseQuery": "takes a schema; Node's server bounds the address of a request",
  "src/admin/routes/route.ts#readSlug": "takes a request; Node's server bounds its address",
  "src/cli/grammar/command-entry.ts#clientCommand": "is given the table of commands",
  "src/cli/grammar/command-entry.ts#commandGroup": "is given the table of commands",
  "src/cli/grammar/command-entry.ts#ownCommand": "is given the table of commands",
  "src/core/processes/recorded-group.ts#recordGroup": "writes a file of ours",
  "src/daemon/repos/busy-reason.ts#busyReason": "is given a slug and a view of ours",
  "src/daemon/registry/registration.ts#amend": "is given a slug",
  "src/daemon/registry/registration.ts#findRecord": "is given a slug",
  "src/daemon/registry/registration.ts#unregister": "is given a slug",
  "src/daemon/process/state-directory.ts#stateDirectoryError": "is given a path of the operator's start",
  "src/worker/git/changes/change-output.ts#noteOf": "looks through no text; its parts are fed by showChange's tests",
  "src/worker/git/worktrees/worktree-directory.ts#emptyTrash": "touches the disk, by names of ours",
  "src/worker/git/worktrees/worktree-directory.ts#moveToTrash": "touches the disk, by names of ours",
  "src/worker/git/worktrees/worktree-directory.ts#openWorktreeRoot": "touches the disk, by names of ours",
  "src/worker/prompt/diff-section.ts#showChange": "is given a change that splitDiff has bounded",
};

const { expressions, readers } = findTextReaders();
const ours = readers.filter(({ module }) => !/^src\/(?:forge|demo)\//.test(module));
const nameOf = (reader: FoundReader): string => `${reader.module}#${reader.export}`;

describe("Hostile texts of 100 KB", () => {
  test("reach every reader: each is fed, or it is said why it needs not be", () => {
    const unknown = ours.filter((reader) => callOf(reader) === undefined).map(nameOf);

    expect(unknown).toEqual([]);
    expect(Object.keys(NOT_FED).filter((name) => !ours.some((reader) => nameOf(reader) === name))).toEqual([]);
  });

  test("hold no expression of ours", async () => {
    const jobs = expressions.map(({ place, ...expression }) => ({
      name: `${place} /${expression.pattern}/`,
      expression,
    }));

    expect(await slowOnes(jobs)).toEqual([]);
    process.stdout.write(`hostile texts: ${jobs.length} expressions\n`);
  });

  test("hold no reader of ours", async () => {
    const found = ours.flatMap((reader) => jobOf(nameOf(reader), callOf(reader)));
    const listed = Object.entries(CALLS).flatMap(([name, call]) => jobOf(name, call));
    const jobs = [...new Map([...found, ...listed].map((job) => [job.name, job])).values()];

    expect(await slowOnes(jobs)).toEqual([]);
    process.stdout.write(`hostile texts: ${jobs.length} readers\n`);
  });

  test("show a planted expression, and one that never comes back", async () => {
    const planted = [
      { name: "quadratic", expression: { pattern: "<!-- mark:[^>]*-->", flags: "", isSplit: false } },
      { name: "linear", expression: { pattern: "<!-- mark:[^<>]*-->", flags: "", isSplit: false } },
      { name: "exponential", expression: { pattern: "^(?:a|a)*b", flags: "", isSplit: false } },
    ];

    expect(await slowOnes(planted, 3_000)).toEqual([
      expect.stringMatching(/^quadratic: /),
      expect.stringMatching(/^exponential: /),
    ]);
  });

  test("show a planted reader", async () => {
    const parser = { module: "test/fixtures/slow-reader.ts", export: "slowReader", arguments: [TEXT] };

    expect(await slowOnes([{ name: "planted", parser }])).toEqual([expect.stringMatching(/^planted: /)]);
  });
});

function jobOf(name: string, call: readonly unknown[] | null | undefined): Job[] {
  const [module = "", exported = ""] = name.split("#");
  return call === null || call === undefined ? [] : [{ name, parser: { module, export: exported, arguments: call } }];
}

/** Gives null where the reader needs none, undefined where nobody has said. */
function callOf(reader: FoundReader): readonly unknown[] | null | undefined {
  const name = nameOf(reader);
  if (name in NOT_FED) return null;
  if (CALLS[name] !== undefined) return CALLS[name];
  const given = reader.parameters.map(valueOf);
  return given.includes(undefined) ? undefined : given.filter((value) => value !== "default");
}

function valueOf(type: string): unknown {
  if (type.includes("=")) return "default";
  if (type === "string" || type === "string | undefined") return TEXT;
  if (type === "number") return 65_536;
  if (type === "Date") return new Date(0);
  if (type === "boolean") return true;
  return /^(?:readonly string\[\]|Iterable<string>)$/.test(type) ? [TEXT] : undefined;
}

/**
 * Names in words what took too long, or never came back; each such job ends its thread, and the others go on in a new
 * one.
 */
async function slowOnes(jobs: readonly Job[], silenceMs = SILENCE_MS): Promise<string[]> {
  const slow: string[] = [];
  for (let rest = jobs; rest.length > 0; ) {
    const { outcomes, stuck } = await run(rest, silenceMs);
    for (const { name, worstMs, ratio } of outcomes)
      if (worstMs > MS_MAX_LINEAR || (worstMs > MS_MAX && ratio > RATIO_MAX))
        slow.push(`${name}: ${worstMs.toFixed(0)} ms, ${ratio.toFixed(1)} times that of half the text`);
    if (stuck !== null) slow.push(`${stuck}: never came back`);
    rest = stuck === null ? [] : rest.slice(rest.findIndex(({ name }) => name === stuck) + 1);
  }
  return slow;
}

function run(jobs: readonly Job[], silenceMs: number): Promise<{ outcomes: Outcome[]; stuck: string | null }> {
  const outcomes: Outcome[] = [];
  const worker = new Worker(new URL("./hostile-worker.ts", import.meta.url), { workerData: jobs });
  let begun = "the thread";
  return new Promise((resolve, reject) => {
    const end = (stuck: string | null) => {
      clearTimeout(silence);
      void worker.terminate().then(() => resolve({ outcomes, stuck }));
    };
    const silence = setTimeout(() => end(begun), silenceMs);
    worker.on("message", (outcome: Outcome) => {
      silence.refresh();
      if (outcome.state === "begun") begun = outcome.name;
      else outcomes.push(outcome);
      if (outcomes.length === jobs.length) end(null);
    });
    worker.on("error", (error) => {
      clearTimeout(silence);
      reject(new Error(`while in ${begun}`, { cause: error }));
    });
  });
}
