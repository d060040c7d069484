// Reads what has reported on a commit, and what should have, as the credential may see it.

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { failureOf, valueOf } from "../git/git-fixture.ts";
import { type Scripted, ScriptedGitHub } from "./scripted-github.ts";

const signal = new AbortController().signal;
const SHA = "a".repeat(40);
const REFUSED: Scripted = { status: 403, body: { message: "Resource not accessible by personal access token" } };

describe("The checks of a commit", () => {
  let server: ScriptedGitHub;
  let github: GitHub;

  beforeEach(async () => {
    server = await ScriptedGitHub.start();
    github = server.connect();
  });

  afterEach(() => server[Symbol.asyncDispose]());

  const commit = (
    sha: string,
    runs: readonly unknown[],
    suites: readonly unknown[] = [],
    statuses: readonly unknown[] = [],
  ) => {
    server.answers.set(`GET /repos/acme/web/commits/${sha}/check-runs`, { body: { check_runs: runs } });
    server.answers.set(`GET /repos/acme/web/commits/${sha}/check-suites`, { body: { check_suites: suites } });
    server.answers.set(`GET /repos/acme/web/commits/${sha}/status`, { body: { statuses } });
  };
  const run = (name: string, conclusion: string | null, more: object = {}) => ({
    id: 1,
    run_id: 4,
    app: { slug: "github-actions" },
    check_suite: { id: 1 },
    started_at: "2025-12-31T00:00:00Z",
    name,
    status: conclusion === null ? "queued" : "completed",
    conclusion,
    html_url: "https://ci.test",
    output: { title: "2 of 9 failed", summary: null },
    ...more,
  });
  const suite = (status: string, count: number, slug = "github-actions", more: object = {}) => ({
    id: 1,
    created_at: new Date().toISOString(),
    status,
    conclusion: status === "completed" ? "success" : null,
    head_sha: SHA,
    latest_check_runs_count: count,
    app: { slug, name: slug },
    ...more,
  });
  const workflowRun = (id: number, more: object = {}) => ({
    id,
    workflow_id: 1,
    check_suite_id: id,
    event: "pull_request",
    name: "CI",
    html_url: "https://ci.test",
    status: "completed",
    conclusion: "success",
    ...more,
  });

  it("are pending as long as a suite is, and passed with the names of all that reported", async () => {
    commit(SHA, [run("lint", "success")], [suite("in_progress", 1)], [{ context: "cla", state: "success" }]);
    const before = valueOf(await github.checks(SHA, signal));
    commit(
      SHA,
      [run("lint", "success"), run("e2e", "success")],
      [suite("completed", 2)],
      [{ context: "cla", state: "success" }],
    );
    const after = valueOf(await github.checks(SHA, signal));

    expect([before, after]).toEqual([
      { kind: "pending", pending: 1, total: 3 },
      { kind: "passed", total: 3, names: ["lint", "e2e", "cla"] },
    ]);
  });

  it("are not held back by an app that never reports, but by one that has reported before", async () => {
    commit(SHA, [run("lint", "success")], [suite("queued", 0, "other-ci")]);
    expect(valueOf(await github.checks(SHA, signal)).kind).toBe("passed");

    commit("b".repeat(40), [run("other", "success")], [suite("completed", 1, "other-ci")]);
    valueOf(await github.checks("b".repeat(40), signal));
    expect(valueOf(await github.checks(SHA, signal)).kind).toBe("pending");
  });

  it("are read from Actions and commit statuses where the token may not read checks, and the right is asked for once", async () => {
    commit(SHA, [], [], [{ context: "cla", state: "success" }]);
    server.answers.set(`GET /repos/acme/web/commits/${SHA}/check-suites`, REFUSED);
    const workflow = workflowRun(4, { status: "in_progress", conclusion: null });
    const old = workflowRun(3, { conclusion: "failure" });
    server.answers.set("GET /repos/acme/web/actions/runs", { body: { workflow_runs: [workflow, old] } });
    server.answers.set("GET /repos/acme/web/actions/runs/4/jobs", { body: { jobs: [run("build", "success")] } });
    const before = valueOf(await github.checks(SHA, signal));
    const done = { ...workflow, status: "completed", conclusion: "success" };
    server.answers.set("GET /repos/acme/web/actions/runs", { body: { workflow_runs: [done, old] } });
    const after = valueOf(await github.checks(SHA, signal));

    expect(before.kind).toBe("pending");
    expect(after).toEqual({ kind: "passed", total: 2, names: ["build", "cla"] });
    expect(server.count(`GET /repos/acme/web/commits/${SHA}/check-suites`)).toBe(1);
    expect(server.asked.find(({ path }) => path.endsWith("/actions/runs"))?.query.get("head_sha")).toBe(SHA);
    expect(server.events).toEqual([]);
  });

  it("are read from statuses alone where nothing else may be read, and forbidden where nothing may", async () => {
    commit(SHA, [], [], [{ context: "cla", state: "failure" }]);
    server.answers.set(`GET /repos/acme/web/commits/${SHA}/check-suites`, REFUSED);
    server.answers.set("GET /repos/acme/web/actions/runs", REFUSED);
    expect(valueOf(await github.checks(SHA, signal)).kind).toBe("failed");

    server.answers.set(`GET /repos/acme/web/commits/${SHA}/status`, REFUSED);
    expect(failureOf(await server.connect().checks(SHA, signal))).toMatchObject({
      kind: "forbidden",
      retryable: false,
    });
  });

  describe("of a workflow that ran twice for the same event", () => {
    const red = run("title", "failure", { id: 21, check_suite: { id: 3 } });
    const green = run("title", "success", { id: 22, check_suite: { id: 4 } });
    const suites = [
      suite("completed", 1, "github-actions", { id: 3 }),
      suite("completed", 1, "github-actions", { id: 4 }),
    ];

    it("are those of its last run, in both ways to read them", async () => {
      const listed = [workflowRun(4), workflowRun(3, { conclusion: "failure" })];
      server.answers.set("GET /repos/acme/web/actions/runs", { body: { workflow_runs: listed } });
      server.answers.set("GET /repos/acme/web/actions/runs/4/jobs", { body: { jobs: [green] } });
      commit(SHA, [red, green], suites);
      const asChecks = valueOf(await github.checks(SHA, signal));
      server.answers.set(`GET /repos/acme/web/commits/${SHA}/check-suites`, REFUSED);
      const asJobs = valueOf(await github.checks(SHA, signal));

      expect(asChecks).toEqual({ kind: "passed", total: 1, names: ["title"] });
      expect(asJobs).toEqual(asChecks);
    });

    it.each([
      ["another workflow", { workflow_id: 2 }],
      ["another event", { event: "push" }],
    ])("are those of both where one is of %s", async (_what, more) => {
      const listed = [workflowRun(4), workflowRun(3, { conclusion: "failure", ...more })];
      server.answers.set("GET /repos/acme/web/actions/runs", { body: { workflow_runs: listed } });
      commit(SHA, [red, green], suites);

      expect(valueOf(await github.checks(SHA, signal)).kind).toBe("failed");
    });

    it("are those of both where nothing tells which is the newer", async () => {
      server.answers.set("GET /repos/acme/web/actions/runs", REFUSED);
      commit(SHA, [red, green], suites);

      expect(valueOf(await github.checks(SHA, signal)).kind).toBe("failed");
    });
  });

  describe("with a workflow file that GitHub could not start", () => {
    const BASE = "b".repeat(40);
    const broken = suite("completed", 0, "github-actions", {
      conclusion: "failure",
      pull_requests: [{ base: { ref: "main" } }],
    });

    beforeEach(() => {
      server.answers.set("GET /repos/acme/web/commits", ({ query }) =>
        query.get("sha") === "main" ? { body: [{ sha: BASE }] } : undefined,
      );
      commit(SHA, [run("lint", "success")], [broken]);
    });

    it("have no verdict, and no agent is paid for it", async () => {
      commit(BASE, [run("lint", "success")], [suite("completed", 1)]);

      expect(valueOf(await github.checks(SHA, signal))).toMatchObject({
        kind: "undecided",
        undecided: [{ name: expect.stringContaining("workflow file could not be started") }],
      });
    });

    it("pass where the base branch has the same", async () => {
      commit(BASE, [], [broken]);

      expect(valueOf(await github.checks(SHA, signal)).kind).toBe("passed");
    });
  });

  it("fail as a whole when one list fails", async () => {
    commit(SHA, [run("lint", "success")]);
    server.answers.set(`GET /repos/acme/web/commits/${SHA}/status`, { status: 500 });

    expect(failureOf(await github.checks(SHA, signal))).toMatchObject({ kind: "server", retryable: true });
  });

  describe("that are expected", () => {
    beforeEach(() => {
      server.answers.set("GET /repos/acme/web/pulls", { body: [] });
      server.answers.set("GET /repos/acme/web/commits", { body: [] });
    });

    it("are those of branch protection and of rulesets", async () => {
      const required_status_checks = { contexts: ["build"], checks: [{ context: "build" }, { context: "e2e" }] };
      server.answers.set("GET /repos/acme/web/branches/main", { body: { protection: { required_status_checks } } });
      server.answers.set("GET /repos/acme/web/rules/branches/main", {
        body: [
          { type: "pull_request", parameters: { required_approving_review_count: 1 } },
          { type: "required_status_checks", parameters: { required_status_checks: [{ context: "sign-off" }] } },
          { type: "required_signatures" },
        ],
      });

      const expected = valueOf(await github.expectedChecks("main", signal));
      const { length } = server.asked;
      valueOf(await github.expectedChecks("main", signal));

      expect(expected).toEqual({ required: ["build", "e2e", "sign-off"], seen: [], likely: [] });
      expect(server.asked).toHaveLength(length);
    });

    it("are unknown, and no error, where the credential may see neither", async () => {
      server.answers.set("GET /repos/acme/web/branches/main", REFUSED);

      expect(valueOf(await github.expectedChecks("main", signal)).required).toEqual([]);
    });

    it("are the usual ones of the pull requests merged last", async () => {
      const shas = ["1", "2", "3", "4"].map((digit) => digit.repeat(40));
      const pulls = shas.map((sha, at) => ({ merged_at: at === 0 ? null : "2026-01-01T00:00:00Z", head: { sha } }));
      server.answers.set("GET /repos/acme/web/pulls", { body: pulls });
      commit(shas[1] ?? "", [run("lint", "success"), run("e2e", "success"), run("docs", "success")]);
      commit(shas[2] ?? "", [run("lint", "success"), run("e2e", "failure")]);
      commit(shas[3] ?? "", [run("lint", "success")], [], [{ context: "cla", state: "success" }]);

      expect(valueOf(await github.expectedChecks("main", signal)).seen).toEqual(["lint", "e2e"]);
    });

    it("are not those that began when the pull request had been merged", async () => {
      server.answers.set("GET /repos/acme/web/pulls", {
        body: [{ merged_at: "2026-01-01T00:00:00Z", head: { sha: SHA } }],
      });
      const late = { started_at: "2026-01-01T00:00:00Z" };
      commit(
        SHA,
        [run("lint", "success"), run("clean-up", "success", late)],
        [],
        [{ context: "preview-removed", state: "success", created_at: "2026-01-01T00:00:05Z" }],
      );

      expect(valueOf(await github.expectedChecks("main", signal)).seen).toEqual(["lint"]);
    });

    it("are not those of one of two pull requests", async () => {
      const shas = ["1", "2"].map((digit) => digit.repeat(40));
      const pulls = shas.map((sha) => ({ merged_at: "2026-01-01T00:00:00Z", head: { sha } }));
      server.answers.set("GET /repos/acme/web/pulls", { body: pulls });
      commit(shas[0] ?? "", [run("lint", "success"), run("docs", "success")]);
      commit(shas[1] ?? "", [run("lint", "success")]);

      expect(valueOf(await github.expectedChecks("main", signal)).seen).toEqual(["lint"]);
    });

    it("are likely those of the base's last commits where nothing was merged by pull request", async () => {
      server.answers.set("GET /repos/acme/web/commits", { body: [{ sha: SHA }] });
      commit(SHA, [run("build", "success")]);

      expect(valueOf(await github.expectedChecks("main", signal))).toEqual({
        required: [],
        seen: [],
        likely: ["build"],
      });
      expect(server.asked.find(({ path }) => path === "/repos/acme/web/commits")?.query.get("sha")).toBe("main");
    });

    it("are forbidden where nothing that reports may be read", async () => {
      server.answers.set("GET /repos/acme/web/commits", { body: [{ sha: SHA }] });
      for (const below of ["check-runs", "check-suites", "status"])
        server.answers.set(`GET /repos/acme/web/commits/${SHA}/${below}`, REFUSED);
      server.answers.set("GET /repos/acme/web/actions/runs", REFUSED);

      expect(failureOf(await github.expectedChecks("main", signal)).kind).toBe("forbidden");
    });
  });
});
