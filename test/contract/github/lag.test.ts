// GitHub's replicas lag behind its writes: its documentation asks for patience in several places ("Best practices for
// using the REST API"; "Get a pull request": mergeability is worked out later), and public reports measure 404 after a
// write.

import { contract, expect, openPull, signal, value } from "./contract.ts";

contract("lag", {
  "what was changed a moment ago may look as it was": async (world, github) => {
    const issue = await world.addIssue({ labels: ["find"] });
    await world.set({ staleReads: 1 });
    await value(github.addLabels(issue, ["plan"], signal));

    const looks = [await value(github.issue(issue, signal)), await value(github.issue(issue, signal))];

    expect(looks.map(({ labels }) => labels)).toEqual([["find"], ["find", "plan"]]);
  },

  "a comment of a moment ago may be missing from the list": async (world, github) => {
    const issue = await world.addIssue();
    await world.set({ staleReads: 1 });
    await value(github.createComment(issue, "Hello", signal));

    const looks = [await value(github.comments(issue, signal)), await value(github.comments(issue, signal))];

    expect(looks.map((comments) => comments.length)).toEqual([0, 1]);
  },

  "an issue that GitHub does not find right after a write is not taken for gone": async (world, github) => {
    const issue = await world.addIssue();
    await value(github.issue(issue, signal));
    await world.set({ missingReads: 2 });
    await value(github.addLabels(issue, ["find"], signal));

    expect(await value(github.issue(issue, signal))).toMatchObject({ labels: ["find"] });
  },

  "a pull request that GitHub does not find right after it was made is not taken for gone": async (world, github) => {
    await world.set({ missingReads: 2 });
    const { number } = await openPull(world, github);

    expect(await value(github.pull(number, signal))).toMatchObject({ number, state: "open" });
  },
});
