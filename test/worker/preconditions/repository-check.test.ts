// Shows what the checks of a repository make of GitHub's words, when a worker starts and later.

import { describe, expect, it } from "vitest";

import { fail, ok } from "../../../src/core/base/result.ts";
import type { GitHub, GitHubFailure, Repository } from "../../../src/worker/github/port/github.ts";
import { adviceOf, RepositoryCheck, unfitness } from "../../../src/worker/preconditions/repository-check.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryGitHub } from "../../support/memory-github.ts";

const signal = new AbortController().signal;
const name = { owner: "acme", name: "old", fullName: "acme/old" };
const NOW: Repository = {
  fullName: "acme/old",
  defaultBranch: "main",
  isArchived: false,
  hasIssues: true,
  mergeMethods: ["squash"],
};
const FORBIDDEN: GitHubFailure = { kind: "forbidden", message: "no", status: 403, retryable: false, retryAt: null };
const LOOK_MS = 5 * 60_000;
const BASE = {
  branch: "main",
  isConfigured: false,
  isAbsent: () => false,
  problem: () => null,
  lost: () => null,
  look: () => Promise.resolve(),
};

describe("unfitness", () => {
  it.each([
    [{ isArchived: true }, "archived"],
    [{ hasIssues: false }, "issues are disabled"],
    [{ mayPush: false }, "may not push"],
  ])("says of %j that it is %s", (more, words) => {
    expect(unfitness({ ...NOW, ...more })).toContain(words);
  });

  it.each([{}, { mayPush: null }, { mayPush: true }])("says nothing of %j", (more) => {
    expect(unfitness({ ...NOW, ...more })).toBeNull();
  });
});

describe("the advice at the start", () => {
  const client = (more: Partial<GitHub> = {}): GitHub => Object.assign(new MemoryGitHub().connect(), more);
  const advise = (github: GitHub, now: Repository = NOW) =>
    adviceOf({ github, name, now, baseBranch: "main", labelPrefix: "hydraflow" }, signal);

  it("is none where all is well", async () => {
    expect(await advise(client())).toBeNull();
  });

  it("names today's name of a repository that was renamed, and none where only the case differs", async () => {
    expect(await advise(client(), { ...NOW, fullName: "acme/new" })).toContain("acme/old is acme/new on GitHub by now");
    expect(await advise(client(), { ...NOW, fullName: "Acme/Old" })).toBeNull();
  });

  it("names the page where checks cannot be read, and what refused labels", async () => {
    const refused = () => Promise.resolve(fail(FORBIDDEN));

    expect(await advise(client({ checks: refused }))).toContain("docs/github-credentials.md");
    expect(await advise(client({ createLabel: refused }))).toContain("labels of acme/old could not be made: no");
  });
});

describe("the repository, looked at again", () => {
  it("stops the work while it is archived, and lets it go on afterwards", async () => {
    const clock = new ManualClock();
    let now: Repository = NOW;
    let looks = 0;
    const github = { repository: () => ((looks += 1), Promise.resolve(ok(now))) };
    const check = new RepositoryCheck({ base: BASE, github, name, advice: "read this", clock });
    const seen = [await check.problem(signal)];
    now = { ...NOW, isArchived: true, fullName: "acme/new" };
    seen.push(await check.problem(signal));
    await clock.advance(LOOK_MS);
    seen.push(await check.problem(signal), await check.problem(signal));
    const [advice] = check.advice;
    now = NOW;
    await clock.advance(LOOK_MS);
    seen.push(await check.problem(signal));

    expect(seen.map((problem) => problem?.includes("archived") ?? false)).toEqual([false, false, true, true, false]);
    expect(advice).toContain("acme/new");
    expect(check.advice).toEqual(["read this", null]);
    expect(looks).toBe(2);
  });

  it("keeps what it knows where GitHub does not answer", async () => {
    const clock = new ManualClock();
    const failures = [fail(FORBIDDEN)];
    const github = { repository: () => Promise.resolve(failures[0] ?? fail(FORBIDDEN)) };
    const check = new RepositoryCheck({ base: BASE, github, name, advice: null, clock });
    await clock.advance(LOOK_MS);

    expect(await check.problem(signal)).toBeNull();
  });
});

describe("the base branch, looked at again", () => {
  /** Checks a repository whose default branch is `trunk` by now; `isAbsent` says whether git misses `main`. */
  function makeCheck({ isConfigured = false, isAbsent = false } = {}) {
    const clock = new ManualClock();
    const state = { isAbsent, problem: null as string | null, lost: null as string | null, looks: 0 };
    const base = {
      branch: "main",
      isConfigured,
      isAbsent: () => state.isAbsent,
      problem: () => state.problem,
      lost: () => state.lost,
      look: () => Promise.resolve((state.looks += 1)),
    };
    const github = { repository: () => Promise.resolve(ok({ ...NOW, defaultBranch: "trunk" })) };
    return { clock, state, check: new RepositoryCheck({ base, github, name, advice: null, clock }) };
  }

  it("holds the work and says so when it is another one", async () => {
    const { check, clock } = makeCheck();
    await clock.advance(LOOK_MS);

    expect(await check.problem(signal)).toMatch(/^the default branch of acme\/old is 'trunk' by now, not 'main'; /);
    expect(check.isBaseMoved).toBe(true);
  });

  it("is looked for soon when git does not find it", async () => {
    const { check, clock } = makeCheck({ isAbsent: true });
    await clock.advance(15_000);

    expect(await check.problem(signal)).toContain("'trunk'");
  });

  it("may be any where a setting names it, as long as it is there", async () => {
    const { check, clock, state } = makeCheck({ isConfigured: true });
    await clock.advance(LOOK_MS);
    const there = await check.problem(signal);
    state.isAbsent = true;
    await clock.advance(LOOK_MS);
    const gone = await check.problem(signal);
    state.isAbsent = false;
    await clock.advance(LOOK_MS);

    expect(there).toBeNull();
    expect(gone).toBe(
      "acme/old has no branch 'main'; push a first commit to it, or set baseBranch to one that is there",
    );
    expect(await check.problem(signal)).toBeNull();
    expect(check.isBaseMoved).toBe(false);
  });

  it("holds the work at once where its files cannot be had, and has git look again", async () => {
    const { check, clock, state } = makeCheck({ isConfigured: true });
    state.problem = "git-lfs is missing";
    const held = await check.problem(signal);
    const before = state.looks;
    await clock.advance(LOOK_MS);
    await check.problem(signal);
    state.problem = null;

    expect([held, before, state.looks]).toEqual(["git-lfs is missing", 0, 1]);
    expect(await check.problem(signal)).toBeNull();
  });

  it("says what is lost, holds nothing for it, and has git look again", async () => {
    const { check, clock, state } = makeCheck({ isConfigured: true });
    state.lost = "logo.bin is lost";
    await clock.advance(LOOK_MS);

    expect([await check.problem(signal), check.advice, state.looks]).toEqual([null, [null, "logo.bin is lost"], 1]);
  });
});
