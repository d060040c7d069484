import { describe, expect, it } from "vitest";

import { type CheckRun, checkStateOf, type CommitStatus } from "../../../src/worker/github/check-state.ts";

const run = (status: string, conclusion: string | null): CheckRun => ({
  name: "build",
  status,
  conclusion,
  summary: "",
  url: "https://example.com",
});
const status = (state: string): CommitStatus => ({ context: "lint", state, description: "", url: "" });

describe("checkStateOf", () => {
  it("says none when nothing was reported", () => {
    expect(checkStateOf([], [])).toEqual({ kind: "none" });
  });

  it.each(["success", "neutral", "skipped"])("passes with a run that ended as %s", (conclusion) => {
    expect(checkStateOf([run("completed", conclusion)], [status("success")])).toEqual({ kind: "passed", total: 2 });
  });

  it.each(["failure", "cancelled", "timed_out", "action_required", "stale", "startup_failure", "something_new", null])(
    "fails with a run that ended as %s",
    (conclusion) => {
      expect(checkStateOf([run("completed", "success"), run("completed", conclusion)], []).kind).toBe("failed");
    },
  );

  it.each(["queued", "in_progress", "requested", "waiting", "pending"])("waits for a run that is %s", (state) => {
    expect(checkStateOf([run(state, null), run("completed", "success")], [])).toEqual({
      kind: "pending",
      pending: 1,
      total: 2,
    });
  });

  it.each(["failure", "error"])("fails with a status of %s, even while others run", (state) => {
    expect(checkStateOf([run("queued", null)], [status(state)])).toEqual({
      kind: "failed",
      failed: [{ name: "lint", summary: state, url: "" }],
    });
  });

  it("bounds what it tells of failures", () => {
    const long = { ...run("completed", "failure"), summary: "x".repeat(100_000) };
    const state = checkStateOf(
      Array.from({ length: 500 }, () => long),
      [],
    );

    expect(JSON.stringify(state).length).toBeLessThan(50_000);
  });
});
