// A shortage of the machine is nobody's fault: no attempt is counted, nobody is asked, and the work goes on by itself.

import { expect, it } from "vitest";

import { pauseOf } from "../../src/worker/state/issue-way.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

it("waits for a machine that is short of something, with the reason, and counts no attempt", async () => {
  await using rig = await PipelineRig.create({ config: { maxIssueAttempts: 1 } });
  for (const code of ["ENOSPC", "EMFILE"])
    rig.agent.next("implement", () => Promise.reject(Object.assign(new Error(`${code}: open 'part.txt'`), { code })));
  const issue = rig.addIssue();

  const worker = await rig.start();
  await rig.untilState(
    worker,
    issue.number,
    "the reason",
    (state) => pauseOf(state)?.reason.includes("ENOSPC") === true,
  );
  await rig.untilLabel(issue.number, "fixed");

  expect(rig.commentsOf(issue.number, "**HydraFlow needs")).toEqual([]);
  expect(worker.orchestrator?.bugs.notice).toBeNull();
});
