// The worker dies at each of its writes to GitHub, and another one goes on from what stood on the disk at that moment.
// Whatever the moment, there is one pull request, one merge, one comment of each kind and one label.

import { cpSync } from "node:fs";
import { describe, expect, it } from "vitest";

import type { RepoRuntime } from "../../src/worker/runtime/repo-runtime.ts";
import { outcomeOf } from "../../src/worker/state/issue-way.ts";
import { Crash } from "../support/memory-fault.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

const READS = new Set([
  "viewer",
  "repository",
  "listIssues",
  "issue",
  "comments",
  "pullsByBranch",
  "pull",
  "reviews",
  "checks",
  "aheadBy",
  "mayWrite",
]);
/** This makes the labels of the repository, before the loops begin. */
const SETUP = new Set(["createLabel"]);

interface Point {
  /** It is the n-th write of the worker, from 1. */
  readonly write: number;
  readonly when: "before" | "after";
}

/** A run from `find` to `fixed` without an objection writes this often; the test fails when it becomes fewer. */
const WRITES = 24;

const POINTS: Point[] = Array.from({ length: WRITES }, (_, index) => index + 1).flatMap((write): Point[] => [
  { write, when: "after" },
  ...(write % 4 === 0 ? [{ write, when: "before" } as const] : []),
]);

describe("A worker that dies", () => {
  it.concurrent.for(POINTS)(
    "$when its write number $write leaves nothing undone and does nothing twice",
    async (point) => {
      await using rig = await PipelineRig.create();
      const issue = rig.addIssue();
      const first = await rig.start();

      expect(await dieAt(rig, first, point)).toBe(true);
      await first[Symbol.asyncDispose]();
      const second = await rig.start({}, { data: "copy" });
      await rig.untilEnded(second, issue.number);
      await rig.until("the claim is given back", () => !rig.labels(issue.number).includes("in-progress"));

      expect(outcomeOf(second.state.issue(issue.number))?.kind).toBe("merged");
      expect(rig.writes("createPull")).toHaveLength(1);
      expect(rig.writes("merge")).toHaveLength(1);
      expect(rig.pulls()).toHaveLength(1);
      expect(rig.world.reviews).toHaveLength(1);
      expect(rig.commentsOf(issue.number, "## Implementation Plan")).toHaveLength(1);
      expect(rig.commentsOf(issue.number, "Implemented in")).toHaveLength(1);
      expect(rig.commentsOf(issue.number, "**HydraFlow**")).toHaveLength(1);
      expect(rig.labels(issue.number)).toEqual(["fixed"]);
      expect(rig.world.issue(issue.number).state).toBe("closed");
      expect(rig.fileOn("main", `part-${issue.number}.txt`)).toBe(`part of ${issue.number}`);
    },
  );
});

/**
 * Returns true when the worker died there, false when it had ended its work before. `copy` gets what the disk held
 * then.
 */
async function dieAt(rig: PipelineRig, worker: RepoRuntime, { write, when }: Point): Promise<boolean> {
  let writes = 0;
  let isDead = false;
  const { client } = rig;
  client.intercept = (call, now) => {
    if (isDead) throw new Crash();
    if (READS.has(call.method) || SETUP.has(call.method)) return;
    if (now === "before") writes += 1;
    if (writes !== write || now !== when) return;
    isDead = true;
    cpSync(rig.dataRoot(), rig.dataRoot("copy"), { recursive: true });
    throw new Crash();
  };
  const hasEnded = () => [...worker.state.issues().values()].some((entry) => outcomeOf(entry) !== null);
  await rig.until("it dies or ends", () => isDead || hasEnded());
  return isDead;
}
