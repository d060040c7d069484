import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

describe("checks of the forge", () => {
  test("a commit without checks has none, and its combined status is pending, as GitHub has it", async () => {
    await using rig = await ForgeRig.start();
    const { data: runs } = await rig.client().checks.listForRef({ ...REPO, ref: "main" });
    const { data: status } = await rig.client().repos.getCombinedStatusForRef({ ...REPO, ref: "main" });

    expect(runs).toEqual({ total_count: 0, check_runs: [] });
    expect(status).toMatchObject({ state: "pending", total_count: 0, statuses: [] });
  });

  test("the newest run of each name counts; failures make a pull request unstable", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    const pull_number = await rig.openPull("feature");
    const { headSha } = rig.forge.pull(NAME, pull_number);
    const stateOf = async () => (await octokit.pulls.get({ ...REPO, pull_number })).data.mergeable_state;

    const { data: created } = await octokit.checks.create({
      ...REPO,
      name: "lint",
      head_sha: headSha,
      status: "in_progress",
    });
    const states = [await stateOf()];
    await octokit.checks.update({
      ...REPO,
      check_run_id: created.id,
      conclusion: "failure",
      output: { title: "Bad", summary: "very" },
    });
    states.push(await stateOf());
    await rig.forge.setCheck(NAME, headSha, {
      name: "lint",
      conclusion: "success",
      summary: "fine now",
      app: created.app?.slug,
    });
    states.push(await stateOf());
    const { data: latest } = await octokit.checks.listForRef({ ...REPO, ref: "feature" });
    const { data: all } = await octokit.checks.listForRef({ ...REPO, ref: headSha, filter: "all", per_page: 1 });

    expect(states).toEqual(["unstable", "unstable", "clean"]);
    expect(latest.check_runs.map((run) => [run.name, run.status, run.conclusion, run.pull_requests.length])).toEqual([
      ["lint", "completed", "success", 1],
    ]);
    expect(all).toMatchObject({
      total_count: 2,
      check_runs: [{ conclusion: "failure", output: { title: "Bad", summary: "very" } }],
    });
  });

  test("the combined status is the worst of the newest of each context", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    const sha = rig.forge.refs(NAME)["refs/heads/main"] ?? "";
    const set = (context: string, state: "failure" | "success" | "pending") =>
      octokit.repos.createCommitStatus({ ...REPO, sha, context, state });
    const combined = async () => (await octokit.repos.getCombinedStatusForRef({ ...REPO, ref: "main" })).data.state;

    await set("a", "failure");
    await set("b", "success");
    const states = [await combined()];
    await set("a", "pending");
    states.push(await combined());
    await set("a", "success");
    states.push(await combined());

    expect(states).toEqual(["failure", "pending", "success"]);
    expect(
      (await refusalOf(octokit.repos.createCommitStatus({ ...REPO, sha: "0".repeat(40), state: "success" }))).status,
    ).toBe(422);
  });
});

describe("the forge's own CI", () => {
  const ci = { command: "test -f wanted.txt && echo found $(cat wanted.txt)" };

  test("it runs the command in a checkout of every new head and tells its exit code and output", async () => {
    await using rig = await ForgeRig.start({ ci });
    const pull_number = await rig.openPull("feature");
    const first = rig.forge.pull(NAME, pull_number).headSha;
    await rig.forge.idle();
    const second = await rig.forge.commitFiles(NAME, {
      branch: "feature",
      message: "Mend",
      files: { "wanted.txt": "it\n" },
    });
    await rig.forge.idle();
    const { data: runs } = await rig.client().checks.listForRef({ ...REPO, ref: "feature" });

    expect(rig.forge.checks(NAME, first)).toMatchObject([
      { name: "test", status: "completed", conclusion: "failure", title: "Failed with exit code 1" },
    ]);
    expect(runs.check_runs).toMatchObject([
      { head_sha: second, conclusion: "success", output: { text: "found it\n" } },
    ]);
    const states = rig.forge.ledger
      .filter((entry) => entry.kind.startsWith("check.") && entry.detail["sha"] === first)
      .map((entry) => entry.detail["status"]);
    expect(states).toEqual(["queued", "in_progress", "completed"]);
  });

  test("a repository may have a command of its own, or none", async () => {
    await using rig = await ForgeRig.start({ ci });
    await rig.forge.createRepository({ owner: "acme", name: "own", ci: { command: "exit 7" } });
    await rig.forge.createRepository({ owner: "acme", name: "none", ci: null });
    for (const repo of ["own", "none"]) {
      await rig.forge.commitFiles(`acme/${repo}`, { branch: "feature", message: "Work", files: { a: "1" } });
      await rig.client().pulls.create({ owner: "acme", repo, head: "feature", base: "main", title: "Work" });
    }
    await rig.forge.idle();
    const conclusions = (repo: string) =>
      rig.forge.checks(repo, rig.forge.pull(repo, 1).headSha).map((check) => check.title);

    expect(conclusions("acme/own")).toEqual(["Failed with exit code 7"]);
    expect(conclusions("acme/none")).toEqual([]);
  });

  test("a commit on the default branch has its run too, however it came there", async () => {
    await using rig = await ForgeRig.start({ ci: { command: "true" } });
    await rig.forge.idle();
    const first = rig.forge.refs(NAME)["refs/heads/main"] ?? "";
    const pull_number = await rig.openPull("feature");
    await rig.client().pulls.merge({ ...REPO, pull_number });
    await rig.forge.idle();
    const merged = rig.forge.refs(NAME)["refs/heads/main"] ?? "";

    for (const sha of [first, merged])
      expect(rig.forge.checks(NAME, sha)).toMatchObject([{ name: "test", conclusion: "success" }]);
  });

  test("the command sees no token, and its output is bounded", async () => {
    await using rig = await ForgeRig.start({ ci: { command: "env; yes | head -c 300000; echo END" } });
    const pull_number = await rig.openPull("feature");
    await rig.forge.idle();
    const [check] = rig.forge.checks(NAME, rig.forge.pull(NAME, pull_number).headSha);

    expect(check?.conclusion).toBe("success");
    expect(check?.text?.length).toBe(65_535);
    expect(check?.text?.endsWith("END\n")).toBe(true);
    expect(check?.text).not.toContain(rig.forge.token);
  });

  test("processes that the command leaves in the background do not hold the run, nor outlive it", async () => {
    await using rig = await ForgeRig.start({ ci: { command: "(setsid sh -c 'sleep 600') & exit 0" } });
    const pull_number = await rig.openPull("feature");

    await rig.forge.idle();

    expect(rig.forge.checks(NAME, rig.forge.pull(NAME, pull_number).headSha)).toMatchObject([
      { conclusion: "success" },
    ]);
  });

  test("a run that the closing forge cut short is killed and runs again after the restart", async () => {
    const started: string[] = [];
    const directory = await mkdtemp(join(tmpdir(), "forge-test-mark-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const mark = join(directory, "mark");
    await using rig = await ForgeRig.start({
      // The first run leaves the mark and waits for ever; the second finds it and ends.
      ci: { command: `[ -e feature.txt ] || exit 0; [ -e ${mark} ] && exit 0; touch ${mark}; sleep 600` },
      log: (event) => {
        if (event.type === "ci.started") started.push(event.sha);
      },
    });
    const pull_number = await rig.openPull("feature");
    await expect.poll(() => existsSync(mark), { timeout: 60_000 }).toBe(true);
    const { headSha } = rig.forge.pull(NAME, pull_number);

    await rig.restart();
    await rig.forge.idle();

    expect(started.filter((sha) => sha === headSha)).toHaveLength(2);
    expect(rig.forge.checks(NAME, headSha)).toMatchObject([{ status: "completed", conclusion: "success" }]);
  });
});
