// GitHub Docs: "About status checks", "REST API endpoints for check suites" (a suite is made at the push, for each
// app), "Get a check run" (statuses and conclusions), "Re-running workflows and jobs".

import { contract, expect, merge, openPull, signal, value } from "./contract.ts";

const CONCLUSIONS = {
  success: "passed",
  failure: "failed",
  timed_out: "failed",
  cancelled: "undecided",
  action_required: "undecided",
  stale: "undecided",
  startup_failure: "undecided",
  neutral: "none",
  skipped: "none",
} as const;

contract("checks", {
  "a commit that nobody reports on has none": async (world, github) => {
    const sha = await world.push("work");

    expect(await value(github.checks(sha, signal))).toEqual({ kind: "none" });
  },

  ...Object.fromEntries(
    Object.entries(CONCLUSIONS).map(([conclusion, kind]) => [
      `a run that ended as ${conclusion} makes the commit ${kind}`,
      async (world, github) => {
        const sha = await world.push("work");
        await world.report(sha, "build", { conclusion });

        expect(await value(github.checks(sha, signal))).toMatchObject({ kind });
      },
    ]),
  ),

  ...Object.fromEntries(
    ["queued", "in_progress", "waiting", "requested", "pending"].map((status) => [
      `a run that is ${status} is waited for`,
      async (world, github) => {
        const sha = await world.push("work");
        await world.report(sha, "lint", { conclusion: "success" });
        await world.report(sha, "build", { status });

        expect(await value(github.checks(sha, signal))).toMatchObject({ kind: "pending" });
      },
    ]),
  ),

  "green is said with the names that reported": async (world, github) => {
    const sha = await world.push("work");
    await world.report(sha, "lint", { conclusion: "success" });
    await world.report(sha, "build", { conclusion: "neutral" });

    const state = await value(github.checks(sha, signal));

    expect(state).toMatchObject({ kind: "passed", total: 2 });
    expect(state.kind === "passed" && state.names.toSorted()).toEqual(["build", "lint"]);
  },

  "the newest run of a name counts": async (world, github) => {
    const sha = await world.push("work");
    await world.report(sha, "build", { conclusion: "failure" });
    await world.report(sha, "build", { conclusion: "success" });

    expect(await value(github.checks(sha, signal))).toMatchObject({ kind: "passed" });
  },

  "a run that was cancelled and begins again is waited for": async (world, github) => {
    const sha = await world.push("work");
    await world.report(sha, "build", { conclusion: "cancelled" });
    await world.report(sha, "build", { status: "in_progress" });

    expect(await value(github.checks(sha, signal))).toMatchObject({ kind: "pending" });
  },

  "a workflow's suite is there before its runs, and is waited for": async (world, github) => {
    const sha = await world.push("work");
    await world.openSuite(sha, "github-actions");
    const early = await value(github.checks(sha, signal));
    await world.report(sha, "build", { conclusion: "success" });

    expect(early).toMatchObject({ kind: "pending" });
    expect(await value(github.checks(sha, signal))).toMatchObject({ kind: "passed" });
  },

  "a suite of an app that never reports is waited for by nobody": async (world, github) => {
    const sha = await world.push("work");
    await world.openSuite(sha, "some-silent-app");

    expect(await value(github.checks(sha, signal))).toEqual({ kind: "none" });
  },

  "a workflow that ended before it had a job is no fault of the code": async (world, github) => {
    const sha = await world.push("work");
    await world.report(sha, "lint", { conclusion: "success" });
    await world.openSuite(sha, "github-actions", "failure");

    expect(await value(github.checks(sha, signal))).toMatchObject({ kind: "undecided" });
  },

  "a workflow that the base branch cannot start either says nothing": async (world, github) => {
    await world.openSuite(await world.push("main", ["file.txt"]), "github-actions", "failure");
    const sha = await world.push("work");
    await world.report(sha, "lint", { conclusion: "success" });
    await world.openSuite(sha, "github-actions", "failure");

    expect(await value(github.checks(sha, signal))).toMatchObject({ kind: "passed" });
  },

  "what reported on a pull request before its merge is to be expected": async (world, github) => {
    const pull = await openPull(world, github);
    await world.report(pull.headSha, "build", { conclusion: "success" });
    world.tick();
    await value(merge(github, pull));
    await world.report(pull.headSha, "clean-up", { conclusion: "success" });

    expect(await value(github.expectedChecks("main", signal))).toEqual({
      required: [],
      seen: ["build"],
      likely: [],
    });
  },

  "where nothing was merged the base's own commits show what is likely": async (world, github) => {
    const sha = await world.push("main", ["file.txt"]);
    await world.report(sha, "build", { conclusion: "success" });

    expect(await value(github.expectedChecks("main", signal))).toEqual({
      required: [],
      seen: [],
      likely: ["build"],
    });
  },

  "where nothing ever reported nothing is to be expected": async (_world, github) => {
    expect(await value(github.expectedChecks("main", signal))).toEqual({ required: [], seen: [], likely: [] });
  },
});
