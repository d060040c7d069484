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
} from "../../../src/worker/github/check-state.ts";

const run = (status: string, conclusion: string | null, name = "build"): CheckRun => ({
  name,
  status,
  conclusion,
  summary: "",
  url: "https://example.com",
});
const status = (state: string): CommitStatus => ({ context: "lint", state, description: "", url: "" });
const suite = (more: Partial<CheckSuite>): CheckSuite => ({
  name: "checks of an app",
  app: "github-actions",
  status: "completed",
  conclusion: "success",
  runs: 1,
  url: "",
  ...more,
});
const stateOf = (reports: Partial<CheckReports>) =>
  checkStateOf({ runs: [], suites: [], statuses: [], reportingApps: new Set(), ...reports });

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
    expect(stateOf({ runs: [run("completed", "cancelled"), run("completed", "success")] }).kind).toBe("passed");
    expect(stateOf({ runs: [run("completed", "failure"), run("completed", "success")] }).kind).toBe("failed");
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

  it("sees a workflow that waits for an approval, and none that was cancelled before it had a run", () => {
    const runs = [run("completed", "success")];
    const ended = (conclusion: string) => stateOf({ runs, suites: [suite({ conclusion, runs: 0 })] }).kind;

    expect(ended("action_required")).toBe("undecided");
    expect(ended("failure")).toBe("failed");
    expect(ended("cancelled")).toBe("passed");
  });

  it("bounds what it tells of failures", () => {
    const long = { ...run("completed", "failure"), summary: "x".repeat(100_000) };

    expect(JSON.stringify(stateOf({ runs: Array.from({ length: 500 }, () => long) })).length).toBeLessThan(50_000);
  });
});
