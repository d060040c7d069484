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

  "has an app under the login that comments have it under, and tells it from a person": async (world, github) => {
    const issue = await world.addIssue({ author: "mallory" });
    world.tick();
    await world.setLabels(issue, [LABEL], "alice");
    world.tick();
    await world.edit(issue, { title: "Tidied" }, "tidy[bot]");
    world.tick();
    await world.edit(issue, { body: "Tidied." }, "tidy[bot]");
    world.tick();
    await world.edit(issue, { body: "Not tidied." }, "mallory");

    expect((await value(github.textHistory(issue, LABEL, signal))).edits).toMatchObject([
      { what: "title", by: "tidy[bot]", byApp: true },
      { what: "body", by: "tidy[bot]", byApp: true },
      { what: "body", by: "mallory", byApp: false },
    ]);
  },

  "lets no app pass with an issue of its own": async (world, github) => {
    const issue = await world.addIssue({ author: "forms[bot]", labels: [LABEL] });
    world.tick();
    await world.edit(issue, { body: "Other words." }, "forms[bot]");

    expect((await value(github.textHistory(issue, LABEL, signal))).edits).toMatchObject([
      { by: "forms[bot]", byApp: false },
    ]);
  },

  "tells an edit in the issue's first second from how it was made": async (world, github) => {
    const issue = await world.addIssue({ author: "mallory", labels: [LABEL] });
    await world.edit(issue, { body: "Do evil." }, "mallory");

    expect((await value(github.textHistory(issue, LABEL, signal))).edits).toMatchObject([
      { what: "body", by: "mallory" },
    ]);
  },

  "has what was changed before the label too": async (world, github) => {
    const issue = await world.addIssue({ body: "First." });
    world.tick();
    await world.edit(issue, { title: "Second", body: "Second." }, "alice");
    world.tick();
    await world.setLabels(issue, [LABEL], "alice");

    expect(await value(github.textHistory(issue, LABEL, signal))).toMatchObject({
      labelledAt: "2026-01-01T00:00:02Z",
      edits: [{ at: "2026-01-01T00:00:01Z" }, { at: "2026-01-01T00:00:01Z" }],
    });
  },

  "counts from the last time that the label was set": async (world, github) => {
    const issue = await world.addIssue({ labels: [LABEL] });
    world.tick();
    await world.edit(issue, { body: "Changed." }, "mallory");
    world.tick();
    await world.setLabels(issue, [], "alice");
    world.tick();
    await world.setLabels(issue, [LABEL], "alice");

    expect(await value(github.textHistory(issue, LABEL, signal))).toMatchObject({
      labelledAt: "2026-01-01T00:00:03Z",
      edits: [{ at: "2026-01-01T00:00:01Z" }],
    });
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

  "is not found for an issue that is not here": async (world, github) => {
    const issue = await world.addIssue();
    await world.transfer(issue);

    expect(await refusal(github.textHistory(issue, LABEL, signal))).toMatchObject({ kind: "not-found" });
  },
});
