// Shows what the sweep asks GitHub, and what it removes of things that others may have made.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../../src/core/base/clock.ts";
import { workerPaths } from "../../../src/core/files/paths.ts";
import { fail, ok } from "../../../src/core/base/result.ts";
import { type IssueState, UNKNOWN_ISSUE } from "../../../src/worker/state/issue-state.ts";
import { OrphanSweep, type OrphanSweepOptions } from "../../../src/worker/orchestrator/orphan-sweep.ts";
import { endIssue } from "../../../src/worker/settlement/settle.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../../support/temporary-directory.ts";

const NEVER = new AbortController().signal;
const LONG_AGO = "2026-01-01T00:00:00.000Z";
const QUESTIONS_MAX = 50;

let directory: TemporaryDirectory;
let issues: Map<number, IssueState>;
let open: Set<number>;
let isDown: boolean;
let asked: number[];
let removed: number[];
let found: { worktrees: Set<number>; kept: Set<number>; branches: Set<number> };
let sweep: OrphanSweep;

beforeEach(async () => {
  directory = await makeTemporaryDirectory();
  [issues, open, asked, removed, isDown] = [new Map(), new Set(), [], [], false];
  found = { worktrees: new Set(), kept: new Set(), branches: new Set() };
  sweep = new OrphanSweep({ context: contextOf(), isInFlight: () => false });
});
afterEach(() => directory[Symbol.asyncDispose]());

function contextOf(): OrphanSweepOptions["context"] {
  const issue = (number: number) => issues.get(number) ?? UNKNOWN_ISSUE;
  return {
    clock: systemClock,
    paths: workerPaths(directory.path),
    emit: () => undefined,
    state: {
      issue,
      issues: () => issues,
      update: async (number: number, change: (state: IssueState) => IssueState) =>
        void issues.set(number, change(issue(number))),
    },
    github: {
      issue: async (number: number) => {
        asked.push(number);
        if (isDown) return fail({ kind: "network" });
        return ok({ state: open.has(number) ? "open" : "closed", updatedAt: LONG_AGO });
      },
    },
    workspaces: {
      orphanCandidates: async () => ok(found),
      remove: async (number: number, _signal: AbortSignal, { mayGo }: { mayGo: () => boolean }) => {
        if (mayGo()) removed.push(number);
        return ok({ branchKeptFor: null });
      },
      emptyTrash: async () => true,
      tidyClone: async () => ok(),
    },
  } as unknown as OrphanSweepOptions["context"];
}

const homesOf = (numbers: readonly number[]) => {
  const { agentHomes } = workerPaths(directory.path);
  return Promise.all(numbers.map((number) => mkdir(join(agentHomes, `issue-${number}`), { recursive: true })));
};
const range = (length: number) => Array.from({ length }, (_, index) => index + 1);

describe("A branch that is called as ours are", () => {
  it("is nobody's business where nothing of ours tells of it: it stays, and no state is made", async () => {
    found.branches.add(7);

    await sweep.sweep(NEVER);

    expect(removed).toEqual([]);
    expect(asked).toEqual([]);
    expect(issues.size).toBe(0);
  });

  it.each(["worktrees", "kept"] as const)("goes where it is among the %s of ours", async (which) => {
    found[which].add(7);
    found.branches.add(7);

    await sweep.sweep(NEVER);

    expect(removed).toEqual([7]);
    expect(issues.size).toBe(0);
  });

  it("goes where the state remembers its pull request", async () => {
    const outcome = { kind: "closed", reason: "", at: LONG_AGO, pull: null } as const;
    issues.set(7, endIssue({ ...UNKNOWN_ISSUE, branch: "agent/issue-7" }, outcome));
    found.branches.add(7);

    await sweep.sweep(NEVER);

    expect(removed).toEqual([7]);
  });
});

describe("GitHub", () => {
  it("is asked once about an issue of which several things are left", async () => {
    found.worktrees.add(7);
    await homesOf([7]);
    open.add(7);

    await sweep.sweep(NEVER);

    expect(asked).toEqual([7]);
  });

  it("is asked about everything in the end, and about none twice, however many issues are open", async () => {
    const numbers = range(2 * QUESTIONS_MAX + 10);
    found.worktrees = new Set(numbers);
    open = new Set(numbers);

    for (const _sweep of range(3)) await sweep.sweep(NEVER);

    expect(asked).toEqual(numbers);
    await sweep.sweep(NEVER);
    expect(asked).toHaveLength(numbers.length + QUESTIONS_MAX);
  });

  it("is asked again soon about what it did not answer", async () => {
    found.worktrees.add(7);
    isDown = true;
    await sweep.sweep(NEVER);
    isDown = false;

    await sweep.sweep(NEVER);

    expect(asked).toEqual([7, 7]);
    expect(removed).toEqual([7]);
  });
});
