// Package managers leave directories that nobody may write into. Root removes them like any other, so these tests show
// something only where they run as an ordinary user, as `.ci/run` does once more.

import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

import { outcomeOf } from "../../src/worker/state/issue-way.ts";
import { verdict } from "../support/scripted-agent.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

it("what an agent left read-only in its home holds up neither the end of its issue nor anybody's answer", async () => {
  await using rig = await PipelineRig.create();
  rig.agent.next("implement", async (turn) => {
    const tree = join(turn.home, "go", "pkg", "mod");
    await mkdir(tree, { recursive: true });
    await writeFile(join(tree, "x.go"), "package x\n");
    await chmod(tree, 0o555);
    await writeFile(join(turn.directory, "part.txt"), "done\n");
    return verdict({ outcome: "done", summary: "Wrote it." });
  });
  rig.world.allowWriting("olivia");
  const first = rig.addIssue();
  const asking = rig.addIssue("Short", "find", "too short");

  const worker = await rig.start();
  await rig.untilState(worker, first.number, "has ended", (entry) => outcomeOf(entry) !== null && entry.claim === null);
  rig.world.addComment(asking.number, "olivia", "skip");
  await rig.untilEnded(worker, asking.number);

  expect(outcomeOf(worker.state.issue(first.number))?.kind).toBe("merged");
  expect(worker.notice).toBeNull();
});
