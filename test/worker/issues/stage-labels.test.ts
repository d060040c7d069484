import { describe, expect, it } from "vitest";

import { LABELS } from "../../../src/core/domain/stage.ts";
import { ensureLabels } from "../../../src/worker/issues/stage-labels.ts";
import { MemoryGitHub } from "../../support/memory-github.ts";

const signal = new AbortController().signal;

describe("the labels of the repository", () => {
  it("are all made with colour and description, and again without a request to make one", async () => {
    const world = new MemoryGitHub();
    const client = world.connect();

    await ensureLabels(client, "hydraflow", signal);
    await ensureLabels(client, "hydraflow", signal);

    expect([...world.labels.keys()]).toEqual(Object.keys(LABELS).map((key) => `hydraflow-${key}`));
    expect(world.labels.get("hydraflow-find")).toEqual(LABELS.find);
    expect(client.calls.filter(({ method }) => method === "createLabel")).toHaveLength(Object.keys(LABELS).length);
  });

  it("stay as they are where the repository has them in another form", async () => {
    const world = new MemoryGitHub();
    world.labels.set("HydraFlow-Find", { colour: "ff0000", description: "of another tool" });

    await ensureLabels(world.connect(), "hydraflow", signal);

    expect([...world.labels.keys()].filter((name) => /find$/i.test(name))).toEqual(["HydraFlow-Find"]);
  });

  it("are all tried where one of them is refused, and the refusal is told", async () => {
    const world = new MemoryGitHub();
    const client = world.connect();
    const refused = { kind: "forbidden", message: "no", status: 403, retryable: false, retryAt: null } as const;
    let tries = 0;
    const github = {
      labels: client.labels.bind(client),
      createLabel: (...given: Parameters<typeof client.createLabel>) =>
        (tries += 1) === 1 ? Promise.resolve({ ok: false, failure: refused } as const) : client.createLabel(...given),
    };

    const ensured = await ensureLabels(github, "hydraflow", signal);

    expect(ensured).toEqual({ ok: false, failure: refused });
    expect(world.labels.size).toBe(Object.keys(LABELS).length - 1);
  });
});
