// A file of schema 1 may have said of an issue what nothing can be. The worker goes on, and says in its log what it
// made of that.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

import { checksum } from "../../../src/core/files/checksum.ts";
import { workerPaths } from "../../../src/core/files/paths.ts";
import { outcomeOf, questionOf, runOf } from "../../../src/worker/state/issue-way.ts";
import { PipelineRig } from "../pipeline/pipeline-rig.ts";

const SAMPLE = fileURLToPath(new URL("../../fixtures/state/schema-1-ways.json", import.meta.url));
const OUTCOME = { kind: "merged", reason: "merged in #2", at: "2026-03-01T11:00:00.000Z", pull: 2 };
const ASKED = {
  ...{ question: "Which?", cause: "question", origin: "ready", askedAt: "2026-03-01T10:00:00.000Z", commentId: null },
  ...{ answer: { text: "The first.", by: "alice", door: "api", at: "2026-03-01T10:30:00.000Z" } },
  ...{ decision: null, reason: null },
};

interface Sample {
  readonly issues: Readonly<Record<string, object>>;
}

/** Writes the sample with issue 1, which has a run and a pause, and issue 6 changed, as its version would have. */
async function writeSample(path: string): Promise<void> {
  const sample = JSON.parse(await readFile(SAMPLE, "utf8")) as Sample;
  const issues = {
    "1": { ...sample.issues["1"], outcome: OUTCOME, hitl: ASKED },
    "6": { ...sample.issues["1"], run: null, hitl: ASKED },
    "7": { ...sample.issues["1"] },
  };
  const document = { ...sample, checksum: "", issues };
  await writeFile(path, JSON.stringify({ ...document, checksum: checksum(JSON.stringify(document)) }));
}

it("An issue that was nothing an issue can be goes on with what a person said, and the log says what is left out", async () => {
  await using rig = await PipelineRig.create();
  const { state: path, logFile } = workerPaths(rig.dataRoot());
  await mkdir(rig.dataRoot(), { recursive: true });
  await writeSample(path);

  const worker = await rig.start();
  const { degraded } = worker.state;
  const [first, second] = [worker.state.issue(1), worker.state.issue(6)];
  await worker[Symbol.asyncDispose]();
  const lines = (await readFile(logFile, "utf8")).split("\n").filter((line) => line.includes("state.guessed"));

  expect(degraded).toBeNull();
  expect([runOf(first)?.id, outcomeOf(first), questionOf(first)?.said]).toMatchObject([
    "run-1",
    null,
    { is: "answer", text: "The first." },
  ]);
  expect([second.way.is, questionOf(second)?.said]).toMatchObject(["asking", { is: "answer", text: "The first." }]);
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { level: "warn", issue: 1, readAs: "running", leftOut: { outcome: OUTCOME } },
    { level: "warn", issue: 6, readAs: "asking", leftOut: { pause: { reason: "it broke" } } },
  ]);
});
