// What GitHub says of a repository, when a worker starts and later.

import { describe, expect, it } from "vitest";

import { fail, ok } from "../../../src/core/result.ts";
import type { GitHub, GitHubFailure, Repository } from "../../../src/worker/github/github.ts";
import { adviceOf, RepositoryCheck, unfitness } from "../../../src/worker/runtime/repository-check.ts";
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
    const check = new RepositoryCheck({ github, name, advice: "read this", clock });
    const seen = [await check.problem(signal)];
    now = { ...NOW, isArchived: true, fullName: "acme/new" };
    seen.push(await check.problem(signal));
    await clock.advance(LOOK_MS);
    seen.push(await check.problem(signal), await check.problem(signal));
    const advice = check.advice;
    now = NOW;
    await clock.advance(LOOK_MS);
    seen.push(await check.problem(signal));

    expect(seen.map((problem) => problem?.includes("archived") ?? false)).toEqual([false, false, true, true, false]);
    expect(advice).toContain("acme/new");
    expect(check.advice).toBe("read this");
    expect(looks).toBe(2);
  });

  it("keeps what it knows where GitHub does not answer", async () => {
    const clock = new ManualClock();
    const failures = [fail(FORBIDDEN)];
    const github = { repository: () => Promise.resolve(failures[0] ?? fail(FORBIDDEN)) };
    const check = new RepositoryCheck({ github, name, advice: null, clock });
    await clock.advance(LOOK_MS);

    expect(await check.problem(signal)).toBeNull();
  });
});
