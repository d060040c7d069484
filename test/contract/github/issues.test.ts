// GitHub Docs: "Transferring an issue to another repository", "Deleting an issue", "Locking conversations", "Disabling
// issues", "Archiving repositories", "Renaming a repository"; REST "Get an issue" (301, 404, 410).

import { contract, expect, merge, openPull, refusal, signal, value } from "./contract.ts";

contract("an issue that went away", {
  "is not found after its transfer, and its namesake elsewhere is not taken for it": async (world, github) => {
    const issue = await world.addIssue({ title: "Moved" });
    await world.transfer(issue);

    expect(await refusal(github.issue(issue, signal))).toMatchObject({ kind: "not-found" });
    expect(await refusal(github.comments(issue, signal))).toMatchObject({ kind: "not-found" });
  },

  "takes neither comment nor label after its transfer, and is not closed": async (world, github) => {
    const bystander = await world.addIssue({ title: "Bystander" });
    const issue = await world.addIssue({ title: "Moved" });
    await world.transfer(issue);

    expect(await refusal(github.createComment(issue, "Hello", signal))).toMatchObject({ kind: "not-found" });
    expect(await refusal(github.addLabels(issue, ["find"], signal))).toMatchObject({ kind: "not-found" });
    expect(await refusal(github.closeIssue(issue, "completed", signal))).toMatchObject({ kind: "not-found" });
    expect(await value(github.issue(bystander, signal))).toMatchObject({ state: "open", labels: [] });
    expect(await value(github.comments(bystander, signal))).toEqual([]);
  },

  "is in no list after its transfer": async (world, github) => {
    const since = "2025-01-01T00:00:00Z";
    const issue = await world.addIssue({ title: "Moved" });
    const stays = await world.addIssue({ title: "Stays" });
    await world.transfer(issue);

    const numbers = async (from: string | null) =>
      (await value(github.listIssues(from, signal))).map(({ number }) => number);
    expect([await numbers(null), await numbers(since)]).toEqual([[stays], [stays]]);
  },

  "is not found once it was deleted": async (world, github) => {
    const issue = await world.addIssue();
    await world.remove(issue);

    expect(await refusal(github.issue(issue, signal))).toMatchObject({ kind: "not-found" });
    expect(await value(github.listIssues(null, signal))).toEqual([]);
  },

  "is not found where it never was": async (_world, github) => {
    expect(await refusal(github.issue(99, signal))).toMatchObject({ kind: "not-found", status: 404 });
    expect(await refusal(github.pull(99, signal))).toMatchObject({ kind: "not-found" });
  },
});

contract("a closed door", {
  "a locked conversation shows, and takes comments of those who may write alone": async (world, github) => {
    const issue = await world.addIssue();
    await world.lock(issue);
    const reader = await world.connect("reader", { role: "read" });

    expect(await value(github.issue(issue, signal))).toMatchObject({ isLocked: true });
    expect(await refusal(reader.createComment(issue, "Hello", signal))).toMatchObject({
      kind: "forbidden",
      status: 403,
      message: expect.stringContaining("locked"),
    });
    await value(github.createComment(issue, "Hello", signal));
  },

  "a repository without issues says so, and its pull requests go on": async (world, github) => {
    const issue = await world.addIssue();
    await world.set({ hasIssues: false });

    expect(await value(github.repository(signal))).toMatchObject({ hasIssues: false });
    expect(await refusal(github.listIssues(null, signal))).toMatchObject({
      status: 410,
      message: expect.stringContaining("disabled"),
    });
    expect(await refusal(github.issue(issue, signal))).toMatchObject({ status: 410 });
    const pull = await openPull(world, github);
    await value(github.createComment(pull.number, "Hello", signal));
    await value(merge(github, pull));
  },

  "an archived repository is read, and nothing in it changes": async (world, github) => {
    const issue = await world.addIssue({ labels: ["find"] });
    const pull = await openPull(world, github);
    await world.set({ archived: true });
    const archived = { kind: "forbidden", status: 403, message: expect.stringContaining("archived") };

    expect(await value(github.repository(signal))).toMatchObject({ isArchived: true });
    expect(await value(github.issue(issue, signal))).toMatchObject({ labels: ["find"] });
    expect(await refusal(github.createComment(issue, "Hello", signal))).toMatchObject(archived);
    expect(await refusal(github.addLabels(issue, ["plan"], signal))).toMatchObject(archived);
    expect(await refusal(github.removeLabel(issue, "find", signal))).toMatchObject(archived);
    expect(await refusal(github.closeIssue(issue, "completed", signal))).toMatchObject(archived);
    expect(await refusal(merge(github, pull))).toMatchObject({ status: 403 });
  },
});

contract("a repository that was renamed", {
  "says its new name, and everything goes on under the old one": async (world, github) => {
    const issue = await world.addIssue({ labels: ["find"] });
    await value(github.repository(signal));
    await world.rename("acme/site");

    expect(await value(github.repository(signal))).toMatchObject({ fullName: "acme/site" });
    await value(github.createComment(issue, "Hello", signal));
    await value(github.addLabels(issue, ["plan"], signal));
    expect(await value(github.issue(issue, signal))).toMatchObject({ number: issue });
    expect(await value(github.comments(issue, signal))).toMatchObject([{ body: "Hello" }]);
    await value(github.closeIssue(issue, "completed", signal));
  },

  "is followed by one who was told the old name only": async (world, github) => {
    const issue = await world.addIssue();
    await world.rename("neworg/site");

    expect(await value(github.issue(issue, signal))).toMatchObject({ number: issue });
    expect(await value(github.repository(signal))).toMatchObject({ fullName: "neworg/site" });
    const pull = await openPull(world, github);
    expect(await value(github.pullsByBranch("work", signal))).toMatchObject([{ number: pull.number }]);
    await value(merge(github, pull));
  },
});

contract("closing an issue", {
  "is done once and stays done": async (world, github) => {
    const issue = await world.addIssue();

    expect(await value(github.closeIssue(issue, "not_planned", signal))).toMatchObject({ state: "closed" });
    expect(await value(github.closeIssue(issue, "completed", signal))).toMatchObject({ state: "closed" });
  },
});
