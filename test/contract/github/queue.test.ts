// GitHub Docs: "Managing a merge queue", "Merging a pull request with a merge queue", GraphQL `enqueuePullRequest`
// and `dequeuePullRequest`.

import { contract, expect, merge, openPull, refusal, signal, value } from "./contract.ts";

contract("the merge queue", {
  "is the only way where the rules want it": async (world, github) => {
    await world.protect({ isRuleset: true, queue: true });
    const pull = await openPull(world, github);

    expect(await refusal(merge(github, pull))).toMatchObject({
      kind: "merge-blocked",
      reason: "queue",
      message: expect.stringContaining("Changes must be made through the merge queue"),
    });
  },

  "merges what is in it once its checks are green": async (world, github) => {
    await world.protect({ isRuleset: true, queue: true, checks: ["build"] });
    const pull = await openPull(world, github);
    await value(github.enqueue(pull, signal));
    await world.runQueue();
    const waiting = await value(github.isQueued(pull, signal));
    await world.report(pull.headSha, "build", { conclusion: "success" });
    await world.runQueue();

    expect(waiting).toBe(true);
    expect(await value(github.isQueued(pull, signal))).toBe(false);
    expect(await value(github.pull(pull.number, signal))).toMatchObject({ merged: true });
  },

  "does not mind being asked twice": async (world, github) => {
    await world.protect({ isRuleset: true, queue: true, checks: ["build"] });
    const pull = await openPull(world, github);

    await value(github.enqueue(pull, signal));
    await value(github.enqueue(pull, signal));

    expect(await value(github.isQueued(pull, signal))).toBe(true);
  },

  "puts out what fails its check": async (world, github) => {
    await world.protect({ isRuleset: true, queue: true, checks: ["build"] });
    const pull = await openPull(world, github);
    await value(github.enqueue(pull, signal));
    await world.report(pull.headSha, "build", { conclusion: "failure" });
    await world.runQueue();

    expect(await value(github.isQueued(pull, signal))).toBe(false);
    expect(await value(github.pull(pull.number, signal))).toMatchObject({ merged: false, state: "open" });
  },

  "puts out what is pushed to": async (world, github) => {
    await world.protect({ isRuleset: true, queue: true, checks: ["build"] });
    const pull = await openPull(world, github);
    await value(github.enqueue(pull, signal));
    await world.push("work");
    await world.runQueue();

    expect(await value(github.isQueued(pull, signal))).toBe(false);
  },

  "lets go of what is in it, and does not mind what is not": async (world, github) => {
    await world.protect({ isRuleset: true, queue: true, checks: ["build"] });
    const pull = await openPull(world, github);
    await value(github.enqueue(pull, signal));

    await value(github.dequeue(pull, signal));
    const left = await value(github.isQueued(pull, signal));
    await value(github.dequeue(pull, signal));
    await world.report(pull.headSha, "build", { conclusion: "success" });
    await world.runQueue();

    expect(left).toBe(false);
    expect(await value(github.pull(pull.number, signal))).toMatchObject({ merged: false, state: "open" });
  },

  "takes no head but the one that was named": async (world, github) => {
    await world.protect({ isRuleset: true, queue: true });
    const pull = await openPull(world, github);
    await world.push("work");

    expect(await refusal(github.enqueue(pull, signal))).toMatchObject({ kind: "invalid" });
  },

  "takes nothing that lacks its review": async (world, github) => {
    await world.protect({ isRuleset: true, queue: true, approvals: 1 });
    const pull = await openPull(world, github);

    expect(await refusal(github.enqueue(pull, signal))).toMatchObject({
      kind: "invalid",
      message: expect.stringContaining("approving review"),
    });
  },

  "is not there where nothing asks for it": async (world, github) => {
    const pull = await openPull(world, github);

    expect(await refusal(github.enqueue(pull, signal))).toMatchObject({ kind: "invalid" });
    expect(await value(github.isQueued(pull, signal))).toBe(false);
  },
});
