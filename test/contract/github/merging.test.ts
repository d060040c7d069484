// GitHub Docs: "Merge a pull request" (REST), "About merge methods on GitHub", "Get a pull request" (`mergeable`),
// "Managing the automatic deletion of branches".

import { contract, expect, merge, openPull, refusal, signal, value } from "./contract.ts";

const METHODS = [
  ["squash", "Squash merges are not allowed on this repository."],
  ["merge", "Merge commits are not allowed on this repository."],
  ["rebase", "Rebase merges are not allowed on this repository."],
] as const;

contract("merging", {
  ...Object.fromEntries(
    METHODS.map(([method]) => [
      `a pull request is merged by ${method}`,
      async (_world, github) => {
        const pull = await openPull(_world, github);

        const { sha } = await value(merge(github, pull, { method }));

        expect(sha).toMatch(/^[0-9a-f]{40}$/);
        expect(await value(github.pull(pull.number, signal))).toMatchObject({ merged: true, state: "closed" });
      },
    ]),
  ),

  ...Object.fromEntries(
    METHODS.map(([method, words]) => [
      `${method} is refused in a repository that does not allow it, and another method is not`,
      async (world, github) => {
        const others = METHODS.map(([each]) => each).filter((each) => each !== method);
        await world.set({ mergeMethods: others });
        const pull = await openPull(world, github);
        const [other = "squash"] = others;

        expect(await refusal(merge(github, pull, { method }))).toMatchObject({
          kind: "merge-blocked",
          reason: "method",
          status: 405,
          message: expect.stringContaining(words),
        });
        expect(await value(github.repository(signal))).toMatchObject({ mergeMethods: others });
        await value(merge(github, pull, { method: other }));
      },
    ]),
  ),

  "a head that moved is refused as a conflict, and nothing is merged": async (world, github) => {
    const pull = await openPull(world, github);
    await world.push("work");

    expect(await refusal(merge(github, pull))).toMatchObject({ kind: "conflict", status: 409, retryable: false });
    expect(await value(github.pull(pull.number, signal))).toMatchObject({ merged: false, state: "open" });
  },

  "a base that moves meanwhile is a refusal that passes by itself": async (world, github) => {
    const pull = await openPull(world, github);
    world.raceBase();

    expect(await refusal(merge(github, pull))).toMatchObject({ kind: "conflict", status: 405, retryable: true });
    await value(merge(github, pull));
  },

  "a draft is refused": async (world, github) => {
    const pull = await openPull(world, github, "work", { draft: true });

    expect(await refusal(merge(github, pull))).toMatchObject({
      kind: "merge-blocked",
      status: 405,
      message: expect.stringContaining("draft"),
    });
  },

  "what is merged already is refused": async (world, github) => {
    const pull = await openPull(world, github);
    await value(merge(github, pull));

    expect(await refusal(merge(github, pull))).toMatchObject({ kind: "merge-blocked", status: 405 });
  },

  "what is closed is refused": async (world, github) => {
    const pull = await openPull(world, github);
    await world.close(pull.number);

    expect(await refusal(merge(github, pull))).toMatchObject({
      kind: "merge-blocked",
      message: expect.stringContaining("not mergeable"),
    });
  },

  "a conflict shows in `mergeable` and is refused": async (world, github) => {
    const pull = await openPull(world, github);
    await world.makeConflict(pull.number);

    expect(await value(github.pull(pull.number, signal))).toMatchObject({ mergeable: false });
    expect(await refusal(merge(github, pull))).toMatchObject({ kind: "merge-blocked", reason: "conflict" });
  },

  "whether it merges is not known at first, and anew for every head": async (world, github) => {
    await world.set({ mergeableAfterReads: 2 });
    const { number } = await openPull(world, github);
    const look = async () => (await value(github.pull(number, signal))).mergeable;
    const lookUntilKnown = async () => {
      const seen = [await look()];
      while (seen.at(-1) === null && seen.length < 5) seen.push(await look());
      return seen;
    };

    const first = await lookUntilKnown();
    await world.push("work");
    const second = await lookUntilKnown();

    expect([first[0], first.at(-1), second[0], second.at(-1)]).toEqual([null, true, null, true]);
  },

  "the head branch stays after a merge": async (world, github) => {
    const pull = await openPull(world, github);

    await value(merge(github, pull));

    expect(await value(github.aheadBy("main", "work", signal))).toBeGreaterThanOrEqual(0);
  },

  "the head branch goes with the merge where the repository says so": async (world, github) => {
    await world.set({ deleteBranchOnMerge: true });
    const pull = await openPull(world, github);

    await value(merge(github, pull));

    expect(await refusal(github.aheadBy("main", "work", signal))).toMatchObject({ kind: "not-found" });
    expect(await value(github.pull(pull.number, signal))).toMatchObject({ merged: true, headSha: pull.headSha });
    await value(github.deleteBranch("work", signal));
  },

  "a second pull request for the same branch is refused": async (world, github) => {
    await openPull(world, github);
    const again = { title: "Again", body: "", head: "work", base: "main", draft: false };

    expect(await refusal(github.createPull(again, signal))).toMatchObject({ kind: "invalid", status: 422 });
  },

  "a pull request for a branch that is not there is refused": async (_world, github) => {
    const pull = { title: "None", body: "", head: "missing", base: "main", draft: false };

    expect(await refusal(github.createPull(pull, signal))).toMatchObject({ kind: "invalid", status: 422 });
  },
});
