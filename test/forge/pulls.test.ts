import { writeFile } from "node:fs/promises";

import { describe, expect, test } from "vitest";

import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

describe("pull requests of the forge", () => {
  test("a pull request shows what git says of it", async () => {
    await using rig = await ForgeRig.start();
    const files = { "a.txt": "one\ntwo\n", "README.md": "# changed\n" };
    const pull_number = await rig.openPull("agent/issue-1", { body: "Fixes #1", files });

    const { data: pull } = await rig.client().pulls.get({ ...REPO, pull_number });
    const { data: changed } = await rig.client().pulls.listFiles({ ...REPO, pull_number });

    expect(pull).toMatchObject({
      state: "open",
      merged: false,
      mergeable: true,
      mergeable_state: "clean",
      commits: 1,
      additions: 3,
      deletions: 1,
      changed_files: 2,
    });
    expect(pull.head).toMatchObject({
      ref: "agent/issue-1",
      label: "acme:agent/issue-1",
      sha: rig.forge.refs(NAME)["refs/heads/agent/issue-1"],
    });
    expect(changed.map((file) => [file.filename, file.status, file.additions, file.deletions])).toEqual([
      ["README.md", "modified", 1, 1],
      ["a.txt", "added", 2, 0],
    ]);
    expect(changed[1]?.patch).toBe("@@ -0,0 +1,2 @@\n+one\n+two");
  });

  test("renamed, removed, binary and oddly named files are listed as what they are", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.commitFiles(NAME, {
      branch: "main",
      message: "Files",
      files: { "old name.txt": "a\nb\nc\nd\n", "gone.txt": "x\n" },
    });
    const checkout = `${rig.directory}/checkout`;
    await rig.git(["clone", "-q", `${rig.forge.url}/${NAME}.git`, checkout]);
    const inCheckout = (...args: string[]) => rig.git(args, { cwd: checkout });
    await inCheckout("checkout", "-q", "-b", "files");
    await inCheckout("mv", "old name.txt", "néw:name.txt");
    await inCheckout("rm", "-q", "gone.txt");
    await writeFile(`${checkout}/image`, Buffer.from([0, 1, 2, 0]));
    await inCheckout("add", "-A");
    await inCheckout("commit", "-q", "-m", "Move");
    await inCheckout("push", "-q", "origin", "files");
    const { data: pull } = await rig.client().pulls.create({ ...REPO, head: "files", base: "main", title: "Files" });

    const { data: files } = await rig.client().pulls.listFiles({ ...REPO, pull_number: pull.number });

    expect(files.map((file) => [file.filename, file.status, file.previous_filename, file.patch])).toEqual([
      ["gone.txt", "removed", undefined, "@@ -1 +0,0 @@\n-x"],
      ["image", "added", undefined, undefined],
      ["néw:name.txt", "renamed", "old name.txt", undefined],
    ]);
  });

  test("the diff media type gives the diff as text", async () => {
    await using rig = await ForgeRig.start();
    const pull_number = await rig.openPull("feature");

    const { data } = await rig.client().pulls.get({ ...REPO, pull_number, mediaType: { format: "diff" } });

    expect(data).toContain("+++ b/feature.txt\n@@ -0,0 +1 @@\n+feature\n");
  });

  test("lists filter by head, base and state", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await rig.forge.commitFiles(NAME, { branch: "other", message: "Other base", files: { o: "o" } });
    await rig.openPull("one");
    await rig.openPull("two");
    await octokit.pulls.update({ ...REPO, pull_number: 1, state: "closed" });
    const numbers = async (query: object) =>
      (await octokit.pulls.list({ ...REPO, ...query })).data.map((pull) => pull.number);

    expect(await numbers({})).toEqual([2]);
    expect(await numbers({ state: "all" })).toEqual([2, 1]);
    expect(await numbers({ state: "all", head: "acme:one" })).toEqual([1]);
    expect(await numbers({ state: "all", head: "one" })).toEqual([1]);
    expect(await numbers({ state: "all", base: "other" })).toEqual([]);
  });

  test("a second pull request, a missing branch, or one without commits is refused as GitHub words it", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await rig.openPull("one");
    const open = (head: string, base: string) =>
      refusalOf(octokit.pulls.create({ ...REPO, head, base, title: "Again" }));

    expect(await open("one", "main")).toMatchObject({
      status: 422,
      message: expect.stringContaining("A pull request already exists for acme:one."),
    });
    expect(await open("main", "one")).toMatchObject({
      status: 422,
      message: expect.stringContaining("No commits between one and main"),
    });
    expect(await open("nowhere", "main")).toMatchObject({
      status: 422,
      message: expect.stringContaining('"field":"head"'),
    });
    expect(rig.forge.pulls(NAME)).toHaveLength(1);
  });

  test("two clients that open the same pull request at once get one", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.commitFiles(NAME, { branch: "one", message: "One", files: { one: "1" } });
    const open = () => rig.client().pulls.create({ ...REPO, head: "one", base: "main", title: "One" });

    const settled = await Promise.allSettled([open(), open(), open()]);

    expect(settled.map((result) => result.status).toSorted()).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(rig.forge.pulls(NAME)).toHaveLength(1);
  });

  test("nobody approves or requests changes on their own pull request; others do, and all may comment", async () => {
    await using rig = await ForgeRig.start();
    const pull_number = await rig.openPull("one");
    const own = rig.client();
    const ann = await rig.clientOf("ann");

    const approve = await refusalOf(own.pulls.createReview({ ...REPO, pull_number, event: "APPROVE" }));
    const request = await refusalOf(
      own.pulls.createReview({ ...REPO, pull_number, event: "REQUEST_CHANGES", body: "no" }),
    );
    await own.pulls.createReview({ ...REPO, pull_number, event: "COMMENT", body: "looking" });
    await ann.pulls.createReview({ ...REPO, pull_number, event: "APPROVE" });
    const { data: reviews } = await own.pulls.listReviews({ ...REPO, pull_number });

    expect([approve.status, request.status]).toEqual([422, 422]);
    expect(approve.message).toContain("Can not approve your own pull request");
    expect(reviews.map((review) => [review.user?.login, review.state])).toEqual([
      [rig.forge.login, "COMMENTED"],
      ["ann", "APPROVED"],
    ]);
  });

  test("a comparison counts both sides, lists commits oldest first, and reads branches with slashes", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await rig.forge.commitFiles(NAME, { branch: "agent/issue-1", message: "First", files: { a: "1\n" } });
    await rig.forge.commitFiles(NAME, {
      branch: "agent/issue-1",
      message: "Second\n\nwith a body",
      files: { b: "2\n" },
    });
    const compare = async (basehead: string) =>
      (await octokit.repos.compareCommitsWithBasehead({ ...REPO, basehead })).data;

    const ahead = await compare("main...agent/issue-1");
    await rig.forge.commitFiles(NAME, { branch: "main", message: "Elsewhere", files: { c: "3\n" } });

    expect(ahead).toMatchObject({ status: "ahead", ahead_by: 2, behind_by: 0, total_commits: 2 });
    expect(ahead.commits.map((commit) => commit.commit.message)).toEqual(["First", "Second\n\nwith a body"]);
    expect(ahead.files?.map((file) => file.filename)).toEqual(["a", "b"]);
    expect(await compare("main...agent/issue-1")).toMatchObject({ status: "diverged", ahead_by: 2, behind_by: 1 });
    expect(await compare("agent/issue-1...agent/issue-1")).toMatchObject({ status: "identical" });
    expect((await refusalOf(compare("main...nowhere"))).status).toBe(404);
  });
});
