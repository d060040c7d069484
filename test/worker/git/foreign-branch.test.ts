// Somebody else may name a branch as we name ours. It goes only when something of ours says that we made it.

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { findOrphanCandidates } from "../../../src/worker/git/worktrees/orphan-candidates.ts";
import { GitFixture, type RepositoryFixture, sh, valueOf } from "./git-fixture.ts";

const signal = new AbortController().signal;
const BRANCH = "agent/issue-7";

describe("A branch that is called as an issue's work branch", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  const branches = () => sh(web.checkout, "branch", "--list", "--format=%(refname:short)", "agent/*");

  it("stays when an issue ends that we never worked on here", async () => {
    sh(web.checkout, "branch", BRANCH);

    valueOf(await web.worktrees.remove(7, signal));

    expect(branches()).toBe(BRANCH);
    expect(valueOf(await findOrphanCandidates(web, signal))).toEqual({
      worktrees: new Set(),
      kept: new Set(),
      branches: new Set([7]),
    });
  });

  it("goes when we made it, also after it was kept for a while", async () => {
    valueOf(await web.worktrees.ensure(7, "main", signal));

    valueOf(await web.worktrees.remove(7, signal, { keepsBranch: true }));
    expect(branches()).toBe(BRANCH);
    expect(valueOf(await findOrphanCandidates(web, signal))).toMatchObject({
      worktrees: new Set(),
      kept: new Set([7]),
    });

    valueOf(await web.worktrees.remove(7, signal));
    expect(branches()).toBe("");
    expect(valueOf(await findOrphanCandidates(web, signal))).toMatchObject({ kept: new Set(), branches: new Set() });
  });

  it("goes when somebody who remembers the issue says that it is ours", async () => {
    sh(web.checkout, "branch", BRANCH);

    valueOf(await web.worktrees.remove(7, signal, { isOurs: true }));

    expect(branches()).toBe("");
  });
});
