import { describe, expect, test } from "vitest";

import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

describe("the merge button of the forge", () => {
  test("a squash makes one commit on the base branch, closes the issue it names, and keeps the pull request readable", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await rig.forge.createIssue(NAME, { title: "Fix it" });
    const before = headOf(rig, "main");
    const pull_number = await rig.openPull("feature", { body: "Fixes #1\n\nSee #3." });
    await rig.forge.commitFiles(NAME, { branch: "feature", message: "More", files: { more: "more\n" } });

    const { data: merged } = await octokit.pulls.merge({
      ...REPO,
      pull_number,
      merge_method: "squash",
      sha: headOf(rig, "feature"),
      commit_title: "Do it",
    });
    await octokit.git.deleteRef({ ...REPO, ref: "heads/feature" });
    const { data: pull } = await octokit.pulls.get({ ...REPO, pull_number });
    const { data: range } = await octokit.repos.compareCommitsWithBasehead({ ...REPO, basehead: `${before}...main` });

    expect(range.commits.map((commit) => [commit.sha, commit.parents.length])).toEqual([[merged.sha, 1]]);
    expect(range.commits[0]?.commit.message).toBe("Do it\n\n* Work on feature\n\n* More");
    expect(range.files?.map((file) => file.filename)).toEqual(["feature.txt", "more"]);
    expect(pull).toMatchObject({
      state: "closed",
      merged: true,
      merge_commit_sha: merged.sha,
      commits: 2,
      merged_by: { login: rig.forge.login },
    });
    expect(rig.forge.issue(NAME, 1)).toMatchObject({ state: "closed", stateReason: "completed" });
    const { status } = await octokit.pulls.checkIfMerged({ ...REPO, pull_number });
    expect(status).toBe(204);
  });

  test("a merge commit keeps both sides as parents, a rebase replays the commits one by one", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await rig.openPull("one");
    await rig.openPull("two");
    await rig.forge.commitFiles(NAME, { branch: "two", message: "Second of two", files: { second: "2\n" } });
    const start = headOf(rig, "main");
    const one = headOf(rig, "one");

    const { data: merge } = await octokit.pulls.merge({ ...REPO, pull_number: 1, merge_method: "merge" });
    const { data: rebase } = await octokit.pulls.merge({ ...REPO, pull_number: 2, merge_method: "rebase" });
    const { data: first } = await octokit.repos.compareCommitsWithBasehead({
      ...REPO,
      basehead: `${start}...${merge.sha}`,
    });
    const { data: second } = await octokit.repos.compareCommitsWithBasehead({
      ...REPO,
      basehead: `${merge.sha}...main`,
    });

    expect(first.commits.find((commit) => commit.sha === merge.sha)?.parents.map((parent) => parent.sha)).toEqual([
      start,
      one,
    ]);
    expect(second.commits.map((commit) => commit.commit.message)).toEqual(["Work on two", "Second of two"]);
    expect(headOf(rig, "main")).toBe(rebase.sha);
    expect(rig.forge.pulls(NAME).map((pull) => pull.merged)).toEqual([true, true]);
  });

  test("a head that moved is refused with 409 and nothing changes", async () => {
    await using rig = await ForgeRig.start();
    const pull_number = await rig.openPull("feature");
    const seen = headOf(rig, "feature");
    await rig.forge.commitFiles(NAME, { branch: "feature", message: "Later", files: { later: "1\n" } });
    const before = headOf(rig, "main");

    const refused = await refusalOf(
      rig.client().pulls.merge({ ...REPO, pull_number, sha: seen, merge_method: "squash" }),
    );

    expect(refused).toMatchObject({ status: 409, message: expect.stringContaining("Head branch was modified") });
    expect(headOf(rig, "main")).toBe(before);
    expect(rig.forge.pull(NAME, pull_number).merged).toBe(false);
  });

  test.each(["squash", "merge", "rebase"] as const)(
    "a conflict is told in mergeable and refused with 405 by %s",
    async (merge_method) => {
      await using rig = await ForgeRig.start();
      const pull_number = await rig.openPull("feature", { files: { "README.md": "ours\n" } });
      await rig.forge.commitFiles(NAME, { branch: "main", message: "Theirs", files: { "README.md": "theirs\n" } });
      const before = headOf(rig, "main");

      const { data: pull } = await rig.client().pulls.get({ ...REPO, pull_number });
      const refused = await refusalOf(rig.client().pulls.merge({ ...REPO, pull_number, merge_method }));

      expect(pull).toMatchObject({ mergeable: false, mergeable_state: "dirty" });
      expect(refused.status).toBe(405);
      expect(headOf(rig, "main")).toBe(before);
    },
  );

  test("drafts, closed and merged pull requests are refused with 405", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await rig.openPull("closed");
    await rig.openPull("merged");
    await rig.forge.commitFiles(NAME, { branch: "draft", message: "Draft", files: { draft: "1\n" } });
    await octokit.pulls.create({ ...REPO, head: "draft", base: "main", title: "Draft", draft: true });
    await octokit.pulls.update({ ...REPO, pull_number: 1, state: "closed" });
    await octokit.pulls.merge({ ...REPO, pull_number: 2 });

    for (const pull_number of [1, 2, 3]) {
      expect((await refusalOf(octokit.pulls.merge({ ...REPO, pull_number }))).status).toBe(405);
    }
    expect(rig.forge.ledger.filter((entry) => entry.kind === "pull.merged").map((entry) => entry.number)).toEqual([2]);
  });

  test("two merges at once both arrive, one after the other", async () => {
    await using rig = await ForgeRig.start();
    await rig.openPull("one");
    await rig.openPull("two");
    const merge = (pull_number: number) => rig.client().pulls.merge({ ...REPO, pull_number, merge_method: "squash" });

    await Promise.all([merge(1), merge(2)]);
    const { data: tree } = await rig
      .client()
      .repos.compareCommitsWithBasehead({ ...REPO, basehead: `${rig.forge.pull(NAME, 1).baseSha}...main` });

    expect(tree.files?.map((file) => file.filename)).toEqual(["one.txt", "two.txt"]);
  });

  test("closing keywords count only for the default branch, only outside other repositories, and only as words", async () => {
    await using rig = await ForgeRig.start();
    for (const title of ["one", "two", "three", "four"]) await rig.forge.createIssue(NAME, { title });
    await rig.openPull("feature", { body: "Closes: #1, resolves acme/WEB#2. Prefixes #3 and fixes other/repo#4" });

    await rig.client().pulls.merge({ ...REPO, pull_number: 5, merge_method: "squash" });

    expect(rig.forge.issues(NAME).map((issue) => issue.state)).toEqual(["closed", "closed", "open", "open"]);
  });
});

function headOf(rig: ForgeRig, branch: string): string {
  return rig.forge.refs(NAME)[`refs/heads/${branch}`] ?? "";
}
