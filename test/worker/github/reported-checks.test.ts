// What has reported on a commit, and what should have, as the credential may see it.

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { GitHub } from "../../../src/worker/github/github.ts";
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
  const run = (name: string, conclusion: string | null) => ({
    name,
    status: conclusion === null ? "queued" : "completed",
    conclusion,
    html_url: "https://ci.test",
    output: { title: "2 of 9 failed", summary: null },
  });
  const suite = (status: string, count: number, slug = "github-actions") => ({
    status,
    conclusion: status === "completed" ? "success" : null,
    head_sha: SHA,
    latest_check_runs_count: count,
    app: { slug, name: slug },
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
    const workflow = {
      id: 4,
      workflow_id: 1,
      event: "push",
      name: "CI",
      html_url: "https://ci.test",
      status: "in_progress",
      conclusion: null,
    };
    const old = { ...workflow, id: 3, status: "completed", conclusion: "failure" };
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
