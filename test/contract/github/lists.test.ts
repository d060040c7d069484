// GitHub Docs: "Using pagination in the REST API" (Link), "List repository issues" (`since`, pull requests among
// issues), "List pull requests files".

import { contract, expect, merge, openPull, signal, value } from "./contract.ts";

const MANY = 130;

contract("lists", {
  "issues of every page are listed, pull requests are not": async (world, github) => {
    for (let count = 1; count <= MANY; count += 1) await world.addIssue({ title: `Issue ${count}` });
    await openPull(world, github);
    await world.close(7);

    const numbers = (await value(github.listIssues(null, signal))).map(({ number }) => number);

    expect(numbers.toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: MANY }, (_, at) => at + 1).filter((number) => number !== 7),
    );
  },

  "comments of every page are listed, oldest first": async (world, github) => {
    const issue = await world.addIssue();
    for (let count = 1; count <= MANY; count += 1) await world.addComment(issue, "alice", `Comment ${count}`);

    const bodies = (await value(github.comments(issue, signal))).map(({ body }) => body);

    expect(bodies).toEqual(Array.from({ length: MANY }, (_, at) => `Comment ${at + 1}`));
  },

  "what changed since is listed open or closed, and what did not change is not": async (world, github) => {
    await world.addIssue({ title: "Old" });
    const changed = await world.addIssue({ title: "Changed" });
    world.tick();
    world.tick();
    await world.close(changed);
    const { updatedAt } = await value(github.issue(changed, signal));

    expect(await value(github.listIssues(updatedAt, signal))).toMatchObject([{ number: changed, state: "closed" }]);
  },

  "a time between two seconds counts as the second that it is in": async (world, github) => {
    const issue = await world.addIssue();
    const { updatedAt } = await value(github.issue(issue, signal));
    const between = updatedAt.replace("Z", ".900Z");

    expect(await value(github.listIssues(between, signal))).toMatchObject([{ number: issue }]);
  },

  "a time after the last change finds nothing": async (world, github) => {
    await world.addIssue();

    expect(await value(github.listIssues("2027-01-01T00:00:00Z", signal))).toEqual([]);
  },

  "a comment, a label and an edit each change the issue's time": async (world, github) => {
    const issue = await world.addIssue();
    const times = [(await value(github.issue(issue, signal))).updatedAt];
    const then = async (change: () => Promise<unknown>) => {
      world.tick();
      await change();
      times.push((await value(github.issue(issue, signal))).updatedAt);
    };
    await then(() => world.addComment(issue, "alice", "Hello"));
    await then(() => world.setLabels(issue, ["find"], "alice"));
    await then(() => world.edit(issue, { title: "Other" }, "alice"));

    expect(new Set(times).size).toBe(4);
  },

  "pull requests of a branch are listed newest first, whatever became of them": async (world, github) => {
    const first = await openPull(world, github);
    await world.close(first.number);
    world.tick();
    const second = await openPull(world, github);
    await openPull(world, github, "work-too");

    const listed = await value(github.pullsByBranch("work", signal));

    expect(listed.map(({ number, state }) => [number, state])).toEqual([
      [second.number, "open"],
      [first.number, "closed"],
    ]);
  },

  "a pull request that was merged is listed as merged": async (world, github) => {
    const pull = await openPull(world, github);
    await value(merge(github, pull));

    expect(await value(github.pullsByBranch("work", signal))).toMatchObject([{ merged: true, state: "closed" }]);
  },

  "the files of a pull request are those of its own commits": async (world, github) => {
    await world.push("work", ["one.txt", "deep/two.txt"]);
    await world.push("main", ["other.txt"]);
    const given = { title: "Work", body: "", head: "work", base: "main", draft: false };
    const { number } = await value(github.createPull(given, signal));
    const files = await value(github.pullFiles(number, signal));

    expect(files.toSorted()).toEqual(["deep/two.txt", "one.txt"]);
  },

  "commits that are ahead are counted": async (world, github) => {
    await world.push("work");
    await world.push("work");

    expect(await value(github.aheadBy("main", "work", signal))).toBe(2);
    expect(await value(github.aheadBy("work", "main", signal))).toBe(0);
  },

  "a branch is deleted once, and deleting it again is success": async (world, github) => {
    await world.push("work");

    await value(github.deleteBranch("work", signal));
    await value(github.deleteBranch("work", signal));
  },
});
