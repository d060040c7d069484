import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

describe("git over the forge's HTTP", () => {
  test("a clone, a branch pushed with a token, and the pull request's head, all at once visible", async () => {
    await using rig = await ForgeRig.start();
    const checkout = await clone(rig, "checkout");
    await rig.git(["checkout", "-q", "-b", "agent/issue-1"], { cwd: checkout });
    const first = await commit(rig, checkout, "a.txt");
    await rig.git(["push", "-q", "origin", "agent/issue-1"], { cwd: checkout });
    const { data: opened } = await rig
      .client()
      .pulls.create({ ...REPO, head: "agent/issue-1", base: "main", title: "One" });
    rig.clock.advance(1_000);

    const second = await commit(rig, checkout, "b.txt");
    await rig.git(["push", "-q", "origin", "agent/issue-1"], { cwd: checkout });
    const { data: pull } = await rig.client().pulls.get({ ...REPO, pull_number: opened.number });

    expect(await readFile(join(checkout, "README.md"), "utf8")).toBe("# web\n");
    expect([opened.head.sha, pull.head.sha]).toEqual([first, second]);
    expect(pull).toMatchObject({ commits: 2, updated_at: "2026-01-01T00:00:01Z" });
    const pushes = rig.forge.ledger
      .filter((entry) => entry.path.endsWith("/git-receive-pack"))
      .map((entry) => [entry.kind, entry.actor, entry.detail]);
    expect(pushes).toEqual([
      ["ref.created", rig.forge.login, { ref: "refs/heads/agent/issue-1", from: null, to: first }],
      ["ref.updated", rig.forge.login, { ref: "refs/heads/agent/issue-1", from: first, to: second }],
      ["pull.synchronized", rig.forge.login, { before: first, after: second }],
    ]);
    expect(await rig.git(["ls-remote", "origin", `refs/pull/${opened.number}/head`], { cwd: checkout })).toContain(
      second,
    );
  });

  test("anyone may fetch what is public; pushes and private repositories need a token that may", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.createRepository({ owner: "acme", name: "secret", private: true, collaborators: { ann: "read" } });
    await rig.forge.addToken("token-of-ann", "ann");
    const secret = `${rig.forge.url}/acme/secret.git`;
    const lsRemote = (url: string, token: string | null) => rig.git(["ls-remote", url], { token });
    const checkout = await clone(rig, "checkout");
    await commit(rig, checkout, "a.txt");
    const push = (token: string | null) =>
      rig.git(["push", "-q", "origin", "HEAD:refs/heads/new"], { cwd: checkout, token });

    expect(await lsRemote(`${rig.forge.url}/${NAME}`, null)).toContain("refs/heads/main");
    expect(await lsRemote(secret, "token-of-ann")).toContain("refs/heads/main");
    await expect(lsRemote(secret, null)).rejects.toThrow(/terminal prompts disabled/);
    await expect(lsRemote(`${rig.forge.url}/${NAME}`, "wrong")).rejects.toThrow(
      /Authentication failed|terminal prompts disabled/,
    );
    await expect(push(null)).rejects.toThrow(/terminal prompts disabled/);
    await expect(push("token-of-ann")).rejects.toThrow(/403/);
    expect(Object.keys(rig.forge.refs(NAME))).toEqual(["refs/heads/main"]);
  });

  test("a push that lost the race is refused by git, and --force-with-lease sees a moved head", async () => {
    await using rig = await ForgeRig.start();
    const ours = await clone(rig, "ours");
    const theirs = await clone(rig, "theirs");
    await commit(rig, theirs, "theirs.txt");
    await rig.git(["push", "-q", "origin", "main"], { cwd: theirs });
    await commit(rig, ours, "ours.txt");

    await expect(rig.git(["push", "-q", "origin", "main"], { cwd: ours })).rejects.toThrow(/rejected/);
    await expect(rig.git(["push", "-q", "--force-with-lease", "origin", "main"], { cwd: ours })).rejects.toThrow(
      /stale info/,
    );
    expect(rig.forge.ledger.filter((entry) => entry.kind === "ref.updated")).toHaveLength(1);
  });

  test("a large push in chunks arrives whole", async () => {
    await using rig = await ForgeRig.start();
    const checkout = await clone(rig, "checkout");
    const noise = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 2_654_435_761) >>> 13);
    await writeFile(join(checkout, "noise.bin"), noise);
    await commit(rig, checkout, "small.txt");
    await rig.git(["-c", "http.postBuffer=65536", "push", "-q", "origin", "main"], { cwd: checkout });
    const again = await clone(rig, "again");

    expect(Buffer.compare(await readFile(join(again, "noise.bin")), noise)).toBe(0);
  });

  test("deleting the head branch closes the pull request; the default branch cannot be deleted", async () => {
    await using rig = await ForgeRig.start();
    const pull_number = await rig.openPull("feature");
    const octokit = rig.client();
    const { data: ref } = await octokit.git.getRef({ ...REPO, ref: "heads/feature" });

    await octokit.git.deleteRef({ ...REPO, ref: "heads/feature" });

    expect(ref.object.sha).toBe(rig.forge.pull(NAME, pull_number).headSha);
    expect(rig.forge.pull(NAME, pull_number)).toMatchObject({ state: "closed", merged: false });
    expect((await refusalOf(octokit.git.getRef({ ...REPO, ref: "heads/feature" }))).status).toBe(404);
    expect((await refusalOf(octokit.git.deleteRef({ ...REPO, ref: "heads/feature" }))).status).toBe(422);
    expect((await refusalOf(octokit.git.deleteRef({ ...REPO, ref: "heads/main" }))).status).toBe(422);
    expect((await refusalOf(octokit.pulls.update({ ...REPO, pull_number, state: "open" }))).status).toBe(422);
  });

  test("commits that reach the base branch by hand merge the pull request; a head reset to the base closes it", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.createIssue(NAME, { title: "One" });
    await rig.openPull("by-hand", { body: "Fixes #1" });
    await rig.openPull("reset");
    const checkout = await clone(rig, "checkout");

    await rig.git(["push", "-q", "--force", "origin", "main:reset"], { cwd: checkout });
    await rig.git(["push", "-q", "origin", "origin/by-hand:main"], { cwd: checkout });

    expect(rig.forge.pull(NAME, 2)).toMatchObject({ state: "closed", merged: true });
    expect(rig.forge.pull(NAME, 3)).toMatchObject({ state: "closed", merged: false });
    expect(rig.forge.issue(NAME, 1).state).toBe("closed");
  });
});

async function clone(rig: ForgeRig, name: string): Promise<string> {
  const directory = join(rig.directory, name);
  await rig.git(["clone", "-q", `${rig.forge.url}/${NAME}.git`, directory]);
  return directory;
}

async function commit(rig: ForgeRig, cwd: string, file: string): Promise<string> {
  await writeFile(join(cwd, file), `${file}\n`);
  await rig.git(["add", "-A"], { cwd });
  await rig.git(["commit", "-q", "-m", `Add ${file}`], { cwd });
  return await rig.git(["rev-parse", "HEAD"], { cwd });
}
