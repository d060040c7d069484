// GitHub Docs: "Repository roles", "Permissions required for fine-grained personal access tokens", "Troubleshooting the
// REST API" (401, 403).

import { contract, expect, merge, openPull, refusal, signal, value } from "./contract.ts";

contract("credentials", {
  "a token says whose it is": async (_world, github) => {
    expect(await value(github.viewer(signal))).toBe("hydraflow-bot");
  },

  "a token that was revoked is refused for everything": async (world) => {
    const issue = await world.addIssue();
    const github = await world.connect("leaver");
    await value(github.issue(issue, signal));
    await world.revoke("leaver");

    expect(await refusal(github.listIssues(null, signal))).toMatchObject({ kind: "unauthorized", status: 401 });
    expect(await refusal(github.createComment(issue, "Hello", signal))).toMatchObject({ kind: "unauthorized" });
  },

  "a reader may look and comment": async (world) => {
    const issue = await world.addIssue();
    const reader = await world.connect("reader", { role: "read" });

    expect(await value(reader.issue(issue, signal))).toMatchObject({ number: issue });
    expect(await value(reader.createComment(issue, "Hello", signal))).toMatchObject({ author: "reader" });
  },

  "a reader sets no label, closes nothing, merges nothing and deletes nothing": async (world, github) => {
    const issue = await world.addIssue({ author: "alice", labels: ["find"] });
    const pull = await openPull(world, github);
    const reader = await world.connect("reader", { role: "read" });
    const forbidden = { kind: "forbidden", status: 403 };

    expect(await refusal(reader.addLabels(issue, ["plan"], signal))).toMatchObject(forbidden);
    expect(await refusal(reader.removeLabel(issue, "find", signal))).toMatchObject(forbidden);
    expect(await refusal(reader.createLabel("new", "ededed", "", signal))).toMatchObject(forbidden);
    expect(await refusal(reader.closeIssue(issue, "completed", signal))).toMatchObject(forbidden);
    expect(await refusal(merge(reader, pull))).toMatchObject(forbidden);
    expect(await refusal(reader.deleteBranch("work", signal))).toMatchObject(forbidden);
    expect(await value(github.issue(issue, signal))).toMatchObject({ labels: ["find"], state: "open" });
  },

  "a reader edits no comment but their own": async (world, github) => {
    const issue = await world.addIssue();
    const ours = await value(github.createComment(issue, "Ours", signal));
    const reader = await world.connect("reader", { role: "read" });
    const theirs = await value(reader.createComment(issue, "Theirs", signal));

    expect(await refusal(reader.updateComment(ours.id, "Mine now", signal))).toMatchObject({ kind: "forbidden" });
    expect(await value(reader.updateComment(theirs.id, "Better", signal))).toMatchObject({ body: "Better" });
    expect(await value(github.comments(issue, signal))).toMatchObject([{ body: "Ours" }, { body: "Better" }]);
  },

  "a token without the right to read checks is told so": async (world) => {
    const sha = await world.push("work");
    const blind = await world.connect("hydraflow-bot", { isBlindToChecks: true });

    expect(await refusal(blind.checks(sha, signal))).toMatchObject({ kind: "forbidden" });
    expect(await value(blind.listIssues(null, signal))).toEqual([]);
  },

  "who may write is known by any letters of the login": async (world, github) => {
    await world.allowWriting("carol");

    expect(await value(github.mayWrite("carol", signal))).toBe(true);
    expect(await value(github.mayWrite("CAROL", signal))).toBe(true);
  },

  "nobody else may write: readers, authors of issues, strangers and bots": async (world, github) => {
    await world.addIssue({ author: "alice" });
    await world.connect("reader", { role: "read" });

    for (const login of ["reader", "alice", "stranger", "some-app[bot]"])
      expect(await value(github.mayWrite(login, signal))).toBe(false);
  },

  "the repository says whether we may push": async (world, github) => {
    const reader = await world.connect("reader", { role: "read" });

    expect((await value(github.repository(signal))).mayPush).not.toBe(false);
    expect((await value(reader.repository(signal))).mayPush).toBe(false);
  },
});
