import { describe, expect, test } from "vitest";

import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

const CI = { ci: { command: "[ -e slow.txt ] && sleep 600; true" } };

/** Gives the owner's own client: settings are an owner's. */
function ownerOf(rig: ForgeRig) {
  return rig.clientOf("acme");
}

describe("settings of the forge, over GitHub's own REST", () => {
  test("an owner says what may be merged and how, and readers see which checks are required", async () => {
    await using rig = await ForgeRig.start();
    const owner = await ownerOf(rig);

    await owner.repos.update({ ...REPO, allow_squash_merge: false, delete_branch_on_merge: true });
    await owner.repos.updateBranchProtection({
      ...REPO,
      branch: "main",
      // GitHub's description still demands the older field.
      // oxlint-disable-next-line typescript/no-deprecated
      required_status_checks: { strict: true, contexts: ["build"] },
      enforce_admins: true,
      required_pull_request_reviews: { required_approving_review_count: 1 },
      restrictions: null,
    });
    const { data: rule } = await owner.repos.createRepoRuleset({
      ...REPO,
      name: "queue",
      enforcement: "active",
      conditions: { ref_name: { include: ["~DEFAULT_BRANCH"], exclude: [] } },
      rules: [{ type: "required_signatures" }],
    });
    const { data: repository } = await rig.client().repos.get(REPO);
    const { data: branch } = await rig.client().repos.getBranch({ ...REPO, branch: "main" });
    const { data: protection } = await owner.repos.getBranchProtection({ ...REPO, branch: "main" });
    const { data: rules } = await rig.client().repos.getBranchRules({ ...REPO, branch: "main" });

    expect(repository).toMatchObject({ allow_squash_merge: false, allow_merge_commit: true });
    expect(branch.protection.required_status_checks?.contexts).toEqual(["build"]);
    expect(protection.required_pull_request_reviews?.required_approving_review_count).toBe(1);
    expect(rules).toMatchObject([{ type: "required_signatures", ruleset_id: rule.id }]);
    expect(await refusalOf(rig.client().repos.getBranchProtection({ ...REPO, branch: "main" }))).toMatchObject({
      status: 403,
    });
  });

  test("who may not write sees no merge settings, and sets no labels on what they open", async () => {
    await using rig = await ForgeRig.start();
    const ann = await rig.clientOf("ann");

    const { data: repository } = await ann.repos.get(REPO);
    const { data: issue } = await ann.issues.create({ ...REPO, title: "One", labels: ["hydraflow-find"] });

    expect(repository.allow_squash_merge).toBeUndefined();
    expect(issue.labels).toEqual([]);
  });

  test("triage moves labels and leaves texts alone", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.addCollaborator(NAME, "tom", "triage");
    await rig.forge.createIssue(NAME, { title: "One", author: "ann" });
    const tom = await rig.clientOf("tom");

    await tom.issues.addLabels({ ...REPO, issue_number: 1, labels: ["find"] });
    const refused = await refusalOf(tom.issues.update({ ...REPO, issue_number: 1, title: "Other" }));
    await rig.client().issues.update({ ...REPO, issue_number: 1, title: "Third" });
    const { data: events } = await tom.issues.listEvents({ ...REPO, issue_number: 1 });

    expect(refused.status).toBe(403);
    expect(events).toMatchObject([
      { event: "labeled", actor: { login: "tom" }, label: { name: "find" } },
      { event: "renamed", actor: { login: rig.forge.login }, rename: { from: "One", to: "Third" } },
    ]);
  });

  test("git follows a repository that was renamed, and writes to none that is archived", async () => {
    await using rig = await ForgeRig.start();
    await rig.git(["clone", "-q", `${rig.forge.url}/${NAME}.git`, "work"]);
    const cwd = `${rig.directory}/work`;
    await rig.forge.owner.rename(NAME, "acme/site");
    await rig.git(["fetch", "-q"], { cwd });
    await rig.forge.owner.change("acme/site", { archived: true });

    await expect(rig.git(["push", "-q", "origin", "HEAD:refs/heads/new"], { cwd })).rejects.toThrow("403");
  });

  test("a push that a rule forbids is refused with the rule's words", async () => {
    await using rig = await ForgeRig.start();
    const message = "GH013: Repository rule violations found for refs/heads/agent/issue-1.";
    await rig.forge.owner.change(NAME, { pushRules: [{ ref: "refs/heads/agent/*", message }] });
    await rig.git(["clone", "-q", `${rig.forge.url}/${NAME}.git`, "work"]);
    const push = (ref: string) => rig.git(["push", "-q", "origin", `HEAD:${ref}`], { cwd: `${rig.directory}/work` });

    await push("refs/heads/other");
    await expect(push("refs/heads/agent/issue-1")).rejects.toThrow("GH013");
  });

  test("a renamed file is listed with its old name", async () => {
    await using rig = await ForgeRig.start();
    await rig.git(["clone", "-q", `${rig.forge.url}/${NAME}.git`, "work"]);
    const cwd = `${rig.directory}/work`;
    await rig.git(["mv", "README.md", "READ.md"], { cwd });
    await rig.git(["commit", "-q", "-m", "Rename"], { cwd });
    await rig.git(["push", "-q", "origin", "HEAD:refs/heads/work"], { cwd });
    const { data: pull } = await rig.client().pulls.create({ ...REPO, head: "work", base: "main", title: "Rename" });

    const { data: files } = await rig.client().pulls.listFiles({ ...REPO, pull_number: pull.number });
    const { data: commits } = await rig.client().pulls.listCommits({ ...REPO, pull_number: pull.number });

    expect(files).toMatchObject([{ filename: "READ.md", previous_filename: "README.md", status: "renamed" }]);
    expect(commits.map(({ commit }) => commit.message)).toEqual(["Rename"]);
  });

  test("the page of the secondary limit is no JSON and names no time", async () => {
    await using rig = await ForgeRig.start();
    rig.forge.faults.plan({ match: { path: "/issues" }, fault: { kind: "secondary-page" } });

    const answer = await rig.fetch(`/repos/${NAME}/issues`);

    expect([answer.status, answer.headers.get("content-type"), answer.headers.get("retry-after")]).toEqual([
      403,
      "text/html; charset=utf-8",
      null,
    ]);
  });
});

describe("workflow runs of the forge", () => {
  test("a run is listed by its head, cancelled and run again", async () => {
    await using rig = await ForgeRig.start(CI);
    await rig.forge.idle();
    const { actions, checks } = rig.client();
    const number = await rig.openPull("slow", { files: { "slow.txt": "1\n" } });
    const head_sha = rig.forge.pull(NAME, number).headSha;
    const { data: listed } = await actions.listWorkflowRunsForRepo({ ...REPO, head_sha });
    const run_id = listed.workflow_runs[0]?.id ?? 0;

    await actions.cancelWorkflowRun({ ...REPO, run_id });
    await rig.forge.idle();
    const { data: cancelled } = await actions.getWorkflowRun({ ...REPO, run_id });
    await actions.reRunWorkflow({ ...REPO, run_id });
    const { data: suites } = await checks.listSuitesForRef({ ...REPO, ref: head_sha });
    const { data: jobs } = await actions.listJobsForWorkflowRun({ ...REPO, run_id });
    await actions.cancelWorkflowRun({ ...REPO, run_id });
    await rig.forge.idle();

    expect(cancelled).toMatchObject({ status: "completed", conclusion: "cancelled", head_sha });
    expect(suites.check_suites).toMatchObject([{ id: run_id, conclusion: null, latest_check_runs_count: 1 }]);
    expect(jobs.jobs).toMatchObject([{ name: "test", conclusion: null }]);
  });

  test("suites of apps are there at the push, and a delayed run comes later", async () => {
    await using rig = await ForgeRig.start({ ci: { command: "true" } });
    const releaseRun = rig.clock.hold(300);
    await rig.forge.owner.change(NAME, { suiteApps: ["some-app"], ciDelayMs: 300 });
    const number = await rig.openPull("work");
    const ref = rig.forge.pull(NAME, number).headSha;
    const suites = async () => (await rig.client().checks.listSuitesForRef({ ...REPO, ref })).data.check_suites;

    const early = await suites();
    releaseRun();
    await rig.forge.idle();
    const late = await suites();

    expect(early.map(({ app, status }) => [app?.slug, status])).toEqual([
      ["some-app", "queued"],
      ["github-actions", "queued"],
    ]);
    expect(late.map(({ status, conclusion }) => [status, conclusion])).toEqual([
      ["queued", null],
      ["completed", "success"],
    ]);
  });
});
