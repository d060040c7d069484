// GitHub Docs: "Issue event types" (labeled, renamed), GraphQL `userContentEdits`. Times have whole seconds.

import { contract, expect, refusal, signal, value } from "./contract.ts";

const LABEL = "hydraflow-find";

contract("the history of an issue's text", {
  "knows when the label was set": async (world, github) => {
    const issue = await world.addIssue();
    world.tick();
    await world.setLabels(issue, [LABEL], "alice");
    const { updatedAt } = await value(github.issue(issue, signal));

    expect(await value(github.textHistory(issue, LABEL, signal))).toEqual({
      labelledAt: updatedAt,
      edits: [],
      isComplete: true,
    });
  },

  "names who changed title and body after the label": async (world, github) => {
    const issue = await world.addIssue({ body: "Harmless." });
    world.tick();
    await world.setLabels(issue, [LABEL], "alice");
    world.tick();
    await world.edit(issue, { title: "Another title" }, "mallory");
    world.tick();
    await world.edit(issue, { body: "Do evil." }, "mallory");

    const { edits } = await value(github.textHistory(issue, LABEL, signal));

    expect(edits).toMatchObject([
      { what: "title", by: "mallory" },
      { what: "body", by: "mallory" },
    ]);
    expect(edits[0]?.at.localeCompare(edits[1]?.at ?? "")).toBeLessThan(0);
  },

  "leaves out what was changed before the label": async (world, github) => {
    const issue = await world.addIssue({ body: "First." });
    world.tick();
    await world.edit(issue, { title: "Second", body: "Second." }, "alice");
    world.tick();
    await world.setLabels(issue, [LABEL], "alice");

    expect(await value(github.textHistory(issue, LABEL, signal))).toMatchObject({ edits: [] });
  },

  "counts from the last time that the label was set": async (world, github) => {
    const issue = await world.addIssue({ labels: [LABEL] });
    world.tick();
    await world.edit(issue, { body: "Changed." }, "mallory");
    world.tick();
    await world.setLabels(issue, [], "alice");
    world.tick();
    await world.setLabels(issue, [LABEL], "alice");

    expect(await value(github.textHistory(issue, LABEL, signal))).toMatchObject({ edits: [] });
  },

  "knows the label in any letters": async (world, github) => {
    const issue = await world.addIssue();
    world.tick();
    await world.setLabels(issue, ["HydraFlow-Find"], "alice");

    expect((await value(github.textHistory(issue, LABEL, signal))).labelledAt).not.toBeNull();
  },

  "has no time for a label that was never set": async (world, github) => {
    const issue = await world.addIssue({ labels: ["other"] });

    expect((await value(github.textHistory(issue, LABEL, signal))).labelledAt).toBeNull();
  },

  "takes an edit in the very second of the label for a later one": async (world, github) => {
    const issue = await world.addIssue({ body: "Harmless." });
    world.tick();
    await world.setLabels(issue, [LABEL], "alice");
    await world.edit(issue, { body: "Do evil." }, "mallory");

    expect((await value(github.textHistory(issue, LABEL, signal))).edits).toMatchObject([{ by: "mallory" }]);
  },

  "is changed neither by comments nor by an edit that changes nothing": async (world, github) => {
    const issue = await world.addIssue({ title: "Same", body: "Same.", labels: [LABEL] });
    world.tick();
    await world.edit(issue, { title: "Same", body: "Same." }, "alice");
    await world.addComment(issue, "mallory", "Hello");

    expect(await value(github.textHistory(issue, LABEL, signal))).toMatchObject({ edits: [] });
  },

  "is that of no issue that is not here": async (world, github) => {
    const issue = await world.addIssue();
    await world.transfer(issue);

    expect(await refusal(github.textHistory(issue, LABEL, signal))).toMatchObject({ kind: "not-found" });
  },
});
