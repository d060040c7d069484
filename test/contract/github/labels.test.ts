// GitHub Docs: "Managing labels", "REST API endpoints for labels". Names have no case; a label that is put on an issue
// is made where the repository has none of that name.

import { contract, expect, signal, value } from "./contract.ts";

contract("labels", {
  "a label that exists in another form is there already": async (_world, github) => {
    await value(github.createLabel("HydraFlow-Find", "e4e669", "To be triaged", signal));
    await value(github.createLabel("hydraflow-find", "e4e669", "To be triaged", signal));

    expect(await value(github.labels(signal))).toEqual(["HydraFlow-Find"]);
  },

  "a label that is put on an issue shows in the repository's own form": async (world, github) => {
    await value(github.createLabel("HydraFlow-Find", "e4e669", "", signal));
    const issue = await world.addIssue();

    expect(await value(github.addLabels(issue, ["hydraflow-find"], signal))).toEqual(["HydraFlow-Find"]);
    expect(await value(github.issue(issue, signal))).toMatchObject({ labels: ["HydraFlow-Find"] });
  },

  "a label that is not there is made as it is written, for good": async (world, github) => {
    const first = await world.addIssue();
    const second = await world.addIssue();

    await value(github.addLabels(first, ["Odd Name"], signal));

    expect(await value(github.labels(signal))).toEqual(["Odd Name"]);
    expect(await value(github.addLabels(second, ["odd name"], signal))).toEqual(["Odd Name"]);
  },

  "a label is taken off whatever its letters": async (world, github) => {
    const issue = await world.addIssue({ labels: ["Find", "Keep"] });

    await value(github.removeLabel(issue, "fInD", signal));

    expect(await value(github.issue(issue, signal))).toMatchObject({ labels: ["Keep"] });
  },

  "a label that the issue has not is taken off with success": async (world, github) => {
    const issue = await world.addIssue({ labels: ["Keep"] });

    await value(github.removeLabel(issue, "find", signal));

    expect(await value(github.issue(issue, signal))).toMatchObject({ labels: ["Keep"] });
  },

  "a label that the issue has is put on it once": async (world, github) => {
    const issue = await world.addIssue({ labels: ["find"] });

    expect(await value(github.addLabels(issue, ["FIND", "find"], signal))).toEqual(["find"]);
  },

  "several labels are added to those that are there": async (world, github) => {
    const issue = await world.addIssue({ labels: ["one"] });

    const labels = await value(github.addLabels(issue, ["two", "three"], signal));

    expect(labels.toSorted()).toEqual(["one", "three", "two"]);
  },

  "pull requests have labels too": async (world, github) => {
    await world.push("work");
    const given = { title: "Work", body: "", head: "work", base: "main", draft: false };
    const { number } = await value(github.createPull(given, signal));

    await value(github.addLabels(number, ["find"], signal));

    expect(await value(github.pull(number, signal))).toMatchObject({ labels: ["find"] });
  },
});
