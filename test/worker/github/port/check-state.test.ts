import { describe, expect, it } from "vitest";

import {
  type CheckReports,
  type CheckRun,
  type CheckSuite,
  checkStateOf,
  COMMIT_STATES,
  type CommitStatus,
  CONCLUSIONS,
  RUN_STATUSES,
} from "../../../../src/worker/github/port/check-state.ts";

const NOW = new Date("2026-01-01T01:00:00Z");
const run = (status: string, conclusion: string | null, name = "build", more: Partial<CheckRun> = {}): CheckRun => ({
  id: 1,
  app: "github-actions",
  suite: 1,
  startedAt: "2026-01-01T00:00:00Z",
  name,
  status,
  conclusion,
  summary: "",
  url: "https://example.com",
  ...more,
});
const status = (state: string): CommitStatus => ({ context: "lint", state, description: "", url: "", createdAt: "" });
const suite = (more: Partial<CheckSuite>): CheckSuite => ({
  id: 1,
  createdAt: "2026-01-01T00:59:00Z",
  base: null,
  name: "checks of an app",
  app: "github-actions",
  status: "completed",
  conclusion: "success",
  runs: 1,
  url: "",
  ...more,
});
const stateOf = (reports: Partial<CheckReports>) =>
  checkStateOf({ runs: [], suites: [], statuses: [], reportingApps: new Set(), now: NOW, ...reports });

const named = (table: Readonly<Record<string, string>>, meaning: string) =>
  Object.keys(table).filter((word) => table[word] === meaning);

describe("checkStateOf", () => {
  it("says none when nothing was reported", () => {
    expect(stateOf({})).toEqual({ kind: "none" });
  });

  it("passes with what is good, and names what reported", () => {
    const runs = [run("completed", "success"), run("completed", "skipped", "docs")];

    expect(stateOf({ runs, statuses: [status("success")] })).toEqual({
      kind: "passed",
      total: 3,
      names: ["build", "docs", "lint"],
    });
  });

  it.each(named(CONCLUSIONS, "nothing"))("takes runs that all ended as %s for none", (conclusion) => {
    expect(stateOf({ runs: [run("completed", conclusion), run("completed", conclusion, "b")] }).kind).toBe("none");
  });

  it.each(named(CONCLUSIONS, "failed"))("fails with a run that ended as %s", (conclusion) => {
    const runs = [run("completed", "success", "a"), run("completed", conclusion), run("queued", null, "c")];

    expect(stateOf({ runs })).toMatchObject({ kind: "failed", failed: [{ name: "build", conclusion }] });
  });

  it.each([...named(CONCLUSIONS, "undecided"), "something_new", null])(
    "does not take a run that ended as %s for a fault of the code",
    (conclusion) => {
      const runs = [run("completed", "success", "a"), run("completed", conclusion)];

      expect(stateOf({ runs })).toMatchObject({ kind: "undecided", undecided: [{ name: "build" }] });
      expect(stateOf({ runs: [...runs, run("queued", null, "c")] }).kind).toBe("pending");
    },
  );

  it("lets a run that was cancelled go when another of its name has passed", () => {
    const passed = run("completed", "success", "build", { suite: 2 });

    expect(stateOf({ runs: [run("completed", "cancelled"), passed] }).kind).toBe("passed");
    expect(stateOf({ runs: [run("completed", "failure"), passed] }).kind).toBe("failed");
  });

  it("takes the last word of an app on a name, in whatever order they are listed", () => {
    const red = run("completed", "failure", "build", { id: 1, app: "other-ci", suite: 1 });
    const green = run("completed", "success", "build", { id: 2, app: "other-ci", suite: 2 });

    expect(stateOf({ runs: [red, green] }).kind).toBe("passed");
    expect(stateOf({ runs: [green, red] }).kind).toBe("passed");
    expect(stateOf({ runs: [{ ...red, id: 3 }, green] }).kind).toBe("failed");
    expect(stateOf({ runs: [red, { ...green, app: "another-ci" }] }).kind).toBe("failed");
  });

  it.each([...named(RUN_STATUSES, "pending"), "something_new"])("waits for a run that is %s", (state) => {
    expect(stateOf({ runs: [run(state, null), run("completed", "success", "a")] })).toEqual({
      kind: "pending",
      pending: 1,
      total: 2,
    });
  });

  it.each(Object.entries(COMMIT_STATES))("takes a commit status of %s for %s", (state, meaning) => {
    expect(stateOf({ statuses: [status(state)] }).kind).toBe(meaning);
  });

  it("waits for a suite that has not ended, though all its runs so far are green", () => {
    const runs = [run("completed", "success")];

    expect(stateOf({ runs, suites: [suite({ status: "in_progress", conclusion: null })] }).kind).toBe("pending");
    expect(stateOf({ runs, suites: [suite({ status: "queued", conclusion: null, runs: 0 })] }).kind).toBe("pending");
    expect(stateOf({ runs, suites: [suite({})] }).kind).toBe("passed");
  });

  it("waits for a queued suite without runs only of an app that reports here", () => {
    const reports = {
      runs: [run("completed", "success")],
      suites: [suite({ app: "licence-bot", status: "queued", conclusion: null, runs: 0 })],
    };

    expect(stateOf(reports).kind).toBe("passed");
    expect(stateOf({ ...reports, reportingApps: new Set(["licence-bot"]) }).kind).toBe("pending");
  });

  it("does not wait for ever for the first run of an app that has nothing to say of this commit", () => {
    const old = { status: "queued", conclusion: null, runs: 0, createdAt: "2026-01-01T00:55:00Z" };
    const runs = [run("completed", "success")];
    const reportingApps = new Set(["licence-bot", "github-actions"]);

    expect(stateOf({ runs, suites: [suite({ ...old, app: "licence-bot" })], reportingApps }).kind).toBe("passed");
    expect(stateOf({ runs, suites: [suite({ ...old, app: "github-actions" })], reportingApps }).kind).toBe("pending");
  });

  it("sees a workflow that waits for an approval, and none that was cancelled before it had a run", () => {
    const runs = [run("completed", "success")];
    const ended = (conclusion: string) => stateOf({ runs, suites: [suite({ conclusion, runs: 0 })] }).kind;

    expect(ended("action_required")).toBe("undecided");
    expect(ended("cancelled")).toBe("passed");
  });

  it.each(["failure", "startup_failure", "timed_out"])(
    "takes a workflow that ended as %s before it had a job for no fault of the code",
    (conclusion) => {
      const suites = [suite({ conclusion, runs: 0 })];

      expect(stateOf({ runs: [run("completed", "success")], suites })).toMatchObject({
        kind: "undecided",
        undecided: [{ name: expect.stringContaining("could not be started"), conclusion }],
      });
    },
  );

  it("takes no other app's suite without runs for a workflow", () => {
    const suites = [suite({ conclusion: "failure", runs: 0, app: "licence-bot" })];

    expect(stateOf({ suites, reportingApps: new Set(["licence-bot"]) }).kind).toBe("none");
  });

  it("bounds what it tells of failures", () => {
    const long = { ...run("completed", "failure"), summary: "x".repeat(100_000) };

    expect(JSON.stringify(stateOf({ runs: Array.from({ length: 500 }, () => long) })).length).toBeLessThan(50_000);
  });
});
