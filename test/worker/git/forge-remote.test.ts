// Runs worktree, remote and REST adapter together, over the embedded forge.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

import { systemClock } from "../../../src/core/base/clock.ts";
import { commonDirectoryOf } from "../../../src/worker/git/worktrees/checkout.ts";
import { cloneRepository } from "../../../src/worker/git/remote/clone.ts";
import { createGit } from "../../../src/worker/git/command/git.ts";
import { Remote } from "../../../src/worker/git/remote/remote.ts";
import { WorkBranch } from "../../../src/worker/git/commits/work-branch.ts";
import { WorktreeManager } from "../../../src/worker/git/worktrees/worktree-manager.ts";
import { fixedCredential } from "../../../src/worker/github/port/credential.ts";
import { createGitHub } from "../../../src/worker/github/calls/octokit-github.ts";
import { ForgeRig, NAME } from "../../forge/forge-rig.ts";
import { IDENTITY, valueOf } from "./git-fixture.ts";

const signal = new AbortController().signal;
const repository = { owner: "acme", name: "web", fullName: NAME };
let rig: ForgeRig;

beforeEach(async () => {
  rig = await ForgeRig.start();
});

afterEach(() => rig[Symbol.asyncDispose]());

it("takes an issue's work from a clone to a merged pull request", async () => {
  const git = createGit({
    path: process.env["PATH"] ?? "",
    home: join(rig.directory, "home"),
    identity: IDENTITY,
    clock: systemClock,
    redact: (text) => text,
  });
  const access = { baseUrl: rig.forge.url, token: rig.forge.token };
  const checkout = join(rig.directory, "checkout");
  valueOf(await cloneRepository({ git, access, repository, directory: checkout }, signal));
  const commonDirectory = valueOf(await commonDirectoryOf(checkout));
  const remote = await Remote.open({
    git,
    access,
    repository,
    commonDirectory,
    transportDirectory: join(rig.directory, "transport.git"),
  });
  const worktrees = new WorktreeManager({
    git,
    remote,
    repository,
    checkout,
    commonDirectory,
    root: join(rig.directory, "worktrees", "acme-web"),
    records: join(rig.directory, "branches"),
    isOriginOverridden: false,
  });
  const github = createGitHub({
    apiUrl: rig.forge.url,
    repository,
    credential: fixedCredential(rig.forge.token),
    userAgent: "hydraflow-test",
    clock: systemClock,
    onFailure: () => undefined,
  });

  const worktree = valueOf(await worktrees.ensure(42, "main", signal));
  const branch = new WorkBranch({ git, remote, commonDirectory, worktree });
  await writeFile(join(worktree.path, "work.txt"), "work\n");
  valueOf(await branch.commitAll("Fixes #42: work", signal));
  const sha = valueOf(await branch.pushBranch(null, signal));
  const pull = valueOf(
    await github.createPull(
      { title: "Fixes #42: work", body: "", head: worktree.branch, base: "main", draft: false },
      signal,
    ),
  );
  const merged = valueOf(
    await github.merge(pull.number, { headSha: sha, method: "squash", title: "Fixes #42: work", message: "" }, signal),
  );
  valueOf(await worktrees.remove(42, signal));

  expect(pull.headSha).toBe(sha);
  expect(valueOf(await remote.head("main", signal))).toBe(merged.sha);
  expect(valueOf(await worktrees.list(signal))).toEqual([]);
});
