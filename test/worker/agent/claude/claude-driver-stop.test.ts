import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { processIdentity } from "../../../../src/core/processes/process-tree.ts";
import { openWorkshop } from "../agent-workshop.ts";
import { driverFor, FAKE_AGENT, NEVER } from "../fake-agent-rig.ts";

const isLinux = process.platform === "linux";

describe("stopping a turn", () => {
  it.each(["prints-then-hangs", "ignores-term"])("is killed when aborted: %s", async (behaviour) => {
    await using workshop = await openWorkshop();
    const stop = new AbortController();

    // The first event proves that the agent runs and its handlers are set.
    const outcome = await driverFor(behaviour).run(workshop.turn, () => stop.abort(), stop.signal);

    expect(outcome.kind).toBe("killed");
  });

  it("is killed, and nothing is started for good, when it was aborted before it began", async () => {
    await using workshop = await openWorkshop();

    const outcome = await driverFor("prints-then-hangs").run(workshop.turn, workshop.emit, AbortSignal.abort());

    expect(outcome.kind).toBe("killed");
  });

  it.runIf(isLinux).each(["leaves-child", "leaves-child-on-stdout"])(
    "ends what the agent left behind: %s",
    async (behaviour) => {
      await using workshop = await openWorkshop();

      const outcome = await driverFor(behaviour).run(workshop.turn, workshop.emit, NEVER);

      const leftBehind = Number(await readFile(join(workshop.turn.directory, "left-behind"), "utf8"));
      expect(outcome.kind).toBe("completed");
      expect(await processIdentity(leftBehind)).toBeNull();
    },
  );

  it.runIf(isLinux)("ends a child in a session of its own together with an aborted agent", async () => {
    await using workshop = await openWorkshop();
    const stop = new AbortController();

    const outcome = await driverFor("leaves-child-and-hangs").run(workshop.turn, () => stop.abort(), stop.signal);

    const leftBehind = Number(await readFile(join(workshop.turn.directory, "left-behind"), "utf8"));
    expect(outcome.kind).toBe("killed");
    expect(await processIdentity(leftBehind)).toBeNull();
  });
});

describe("probing", () => {
  it("finds the version of an agent that answers", async () => {
    const driver = driverFor("", { commandArgs: [FAKE_AGENT], name: "Fake" });

    expect(await driver.probe(NEVER)).toEqual({ name: "Fake", version: "9.9.9", problem: null });
  });

  it("says what to do when there is no agent", async () => {
    const probe = await driverFor("", { command: "hydraflow-no-such-agent", commandArgs: [] }).probe(NEVER);

    expect(probe).toMatchObject({
      version: null,
      problem: expect.stringMatching(/ENOENT; install the agent or set agentCommand/) as string,
    });
  });
});
