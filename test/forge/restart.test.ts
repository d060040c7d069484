import { appendFile, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { ForgeRig, NAME, REPO } from "./forge-rig.ts";

describe("a restarted forge", () => {
  test("knows everything it answered: issues, comments, labels, pull requests, reviews, checks, webhooks, tokens, ledger", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    const ann = await rig.clientOf("ann");
    await octokit.issues.create({ ...REPO, title: "One", labels: ["find"] });
    await octokit.issues.createComment({ ...REPO, issue_number: 1, body: "hello" });
    const pull_number = await rig.openPull("feature", { body: "Fixes #1" });
    await ann.pulls.createReview({ ...REPO, pull_number, event: "APPROVE" });
    await rig.forge.setCheck(NAME, rig.forge.pull(NAME, pull_number).headSha, { name: "lint", conclusion: "success" });
    await octokit.pulls.merge({ ...REPO, pull_number, merge_method: "squash" });
    const { token, controlToken, ledger } = rig.forge;
    const withoutPlace = (): unknown => {
      const { url: _url, requests: _requests, ...state } = rig.forge.state();
      return structuredClone(state);
    };
    const before = withoutPlace();

    await rig.restart();

    expect(withoutPlace()).toEqual(before);
    expect(rig.forge).toMatchObject({ token, controlToken });
    expect(rig.forge.ledger).toEqual(ledger);
    const { data: user } = await rig.client("token-of-ann").users.getAuthenticated();
    expect(user.login).toBe("ann");
    const { data: comment } = await rig.client().issues.createComment({ ...REPO, issue_number: 1, body: "again" });
    expect(comment.id).toBeGreaterThan(rig.forge.comments(NAME, 1)[0]?.id ?? Infinity);
    expect(rig.forge.ledger.at(-1)?.seq).toBe(ledger.length + 1);
  });

  test("an answered write is on disk already: a copy of the data, taken without closing, has it", async () => {
    await using rig = await ForgeRig.start();
    await rig.client().issues.create({ ...REPO, title: "Written" });
    const directory = join(rig.directory, "data", "repositories");
    const files = await readdir(directory);

    const texts = await Promise.all(files.map((file) => readFile(join(directory, file), "utf8")));

    expect(texts.join("")).toContain('"title":"Written"');
    expect(await readFile(join(rig.directory, "data", "ledger.jsonl"), "utf8")).toContain('"title":"Written"');
  });

  test("follows what was pushed while it did not look, and survives a torn line at the end of its ledger", async () => {
    await using rig = await ForgeRig.start();
    const pull_number = await rig.openPull("feature");
    await appendFile(join(rig.directory, "data", "ledger.jsonl"), '{"seq":99,"crc":"');
    const bare = join(rig.directory, "data", "git", "1.git");
    const main = rig.forge.refs(NAME)["refs/heads/main"] ?? "";
    const tree = await rig.git(["rev-parse", "refs/heads/feature^{tree}"], { cwd: bare });
    const sha = await rig.git(["commit-tree", tree, "-p", main, "-m", "By hand"], { cwd: bare });
    await rig.git(["update-ref", "refs/heads/feature", sha], { cwd: bare });

    await rig.restart();

    expect(rig.forge.pull(NAME, pull_number).headSha).toBe(sha);
    expect(rig.forge.ledger.at(-1)?.kind).toBe("pull.synchronized");
  });

  test("its tokens are readable by the owner alone", async () => {
    await using rig = await ForgeRig.start();

    const { mode } = await stat(join(rig.directory, "data", "forge.json"));

    expect(mode & 0o777).toBe(0o600);
  });
});
