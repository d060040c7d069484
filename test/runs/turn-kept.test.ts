// An agent's turn that is done is paid for once, whatever fails between its end and the push.

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { exists } from "../../src/core/files/durable-file.ts";
import { type Behaviour, done } from "../support/scripted-agent.ts";
import { PipelineRig, sh } from "../worker/pipeline/pipeline-rig.ts";

/** The agent makes its part, and something of the machine's breaks at the end of its turn. */
const whileBreaks =
  (breaks: (directory: string) => Promise<unknown>): Behaviour =>
  async (turn, signal) => {
    await writeFile(join(turn.directory, "part.txt"), "part\n");
    await breaks(turn.directory);
    return done(turn, signal);
  };

/** No git directory can be made for a talk or a fresh checkout while a file stands in that directory's place. */
function transportOf(rig: PipelineRig): { breaks: () => Promise<void>; mends: () => Promise<void> } {
  const directory = join(rig.dataRoot(), "git", "transport.git");
  return {
    breaks: async () => {
      await rm(directory, { recursive: true });
      await writeFile(directory, "");
    },
    mends: async () => {
      await rm(directory);
      await mkdir(directory);
    },
  };
}

describe("A turn that is done", () => {
  it("is not paid again when the gate's checkout could not be made", async () => {
    await using rig = await PipelineRig.create({ config: { maxIssueAttempts: 10 } });
    const transport = transportOf(rig);
    rig.agent.next("implement", whileBreaks(transport.breaks));
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilState(worker, issue.number, "has failed", ({ attempts }) => (attempts.implement ?? 0) > 1);
    await transport.mends();
    await rig.untilEnded(worker, issue.number);

    expect(rig.agent.turnsOf("implement")).toHaveLength(1);
    expect(rig.fileOn("main", "part.txt")).toBe("part");
  });

  it("is not paid again when somebody's lock kept its files from being committed", async () => {
    await using rig = await PipelineRig.create();
    let lock = "";
    rig.agent.next(
      "implement",
      whileBreaks(async (directory) => {
        lock = join(sh(directory, "rev-parse", "--absolute-git-dir"), "HEAD.lock");
        await writeFile(lock, "");
      }),
    );
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilWaits(worker, issue.number, "HEAD.lock");
    await rm(lock);
    await rig.untilEnded(worker, issue.number);

    expect(rig.agent.turnsOf("implement")).toHaveLength(1);
    expect(rig.fileOn("main", "part.txt")).toBe("part");
  });

  it("is not paid again when the worker ended while its gate ran", async () => {
    await using rig = await PipelineRig.create();
    const [began, go] = ["began", "go"].map((name) => join(rig.directory, name)) as [string, string];
    const gateCommand = `touch ${began}; while [ ! -e ${go} ]; do sleep 0.05; done`;
    const issue = rig.addIssue();
    let hasBegun = false;

    const first = await rig.start({ gateCommand });
    const looking = setInterval(() => void exists(began).then((is) => (hasBegun ||= is)), 20);
    await rig.until("the gate runs", () => hasBegun);
    clearInterval(looking);
    await first[Symbol.asyncDispose]();
    await writeFile(go, "");
    const second = await rig.start({ gateCommand });
    await rig.untilEnded(second, issue.number);

    expect(rig.agent.turnsOf("implement")).toHaveLength(1);
  });

  it("is kept for the person who is asked about what came after it", async () => {
    await using rig = await PipelineRig.create({ config: { maxIssueAttempts: 1 } });
    const transport = transportOf(rig);
    rig.agent.next("implement", whileBreaks(transport.breaks));
    const { issue, worker } = await rig.askPerson();
    await transport.mends();

    rig.world.allowWriting("olivia");
    rig.world.addComment(issue.number, "olivia", "There is room again.");
    await rig.untilEnded(worker, issue.number);

    expect(rig.commentsOf(issue.number, "## HydraFlow needs a person").join()).toContain("work is done and kept");
    expect([rig.agent.turnsOf("implement"), rig.agent.turnsOf("hitl")].map(({ length }) => length)).toEqual([1, 0]);
    expect(rig.fileOn("main", "part.txt")).toBe("part");
  });

  it("is paid anew when the gate stays red on what it made", async () => {
    await using rig = await PipelineRig.create({ config: { maxQualityFixAttempts: 0 } });
    rig.agent.next(
      "implement",
      whileBreaks((directory) => writeFile(join(directory, "broken.txt"), "")),
    );
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilState(worker, issue.number, "has failed", ({ attempts }) => attempts.implement === 1);
    rig.agent.next("implement", async (turn, signal) => {
      await rm(join(turn.directory, "broken.txt"), { force: true });
      return done(turn, signal);
    });
    await rig.untilEnded(worker, issue.number);

    expect(rig.agent.turnsOf("implement")).toHaveLength(2);
  });
});
