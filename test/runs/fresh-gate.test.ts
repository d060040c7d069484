// The worker pushes what the gate was green for, whatever tricks an agent plays.

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";

import { questionOf } from "../../src/worker/state/issue-way.ts";
import { type Behaviour, done } from "../support/scripted-agent.ts";
import { PipelineRig, sh } from "../worker/pipeline/pipeline-rig.ts";

const ONCE = { maxIssueAttempts: 1, maxQualityFixAttempts: 0 };
const NODE_MODULES = { ".gitignore": "node_modules\n", "data.txt": "bad\n" };

/** Runs in the worktree, and leaves a file that is no trick. */
const plays =
  (trick: (directory: string) => Promise<unknown>): Behaviour =>
  async (turn, signal) => {
    await writeFile(join(turn.directory, "part.txt"), "part\n");
    await trick(turn.directory);
    return done(turn, signal);
  };

const installs = plays(async (directory) => {
  await mkdir(join(directory, "node_modules"));
  await writeFile(join(directory, "node_modules", "tool"), "good\n");
});

describe("The gate", () => {
  it("is not made green by files that are ignored", async () => {
    const config = { ...ONCE, gateCommand: "grep -q good node_modules/tool" };
    await using rig = await PipelineRig.create({ files: NODE_MODULES, config });
    rig.agent.always("implement", installs);
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "hitl");

    expect(rig.pulls()).toEqual([]);
  });

  it("is made ready by its setup in the fresh checkout", async () => {
    const config = {
      ...ONCE,
      gateCommand: "grep -q good node_modules/tool",
      gateSetupCommand: "mkdir node_modules && echo good > node_modules/tool",
    };
    await using rig = await PipelineRig.create({ files: NODE_MODULES, config });
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");
  });

  it("is made ready by the lock file's clean install, whoever names the gate", async () => {
    const files = {
      "package.json": JSON.stringify({ devDependencies: { x: "1.0.0" } }),
      "package-lock.json": "this is no lock file\n",
    };
    const config = { ...ONCE, gateCommand: "true" };
    await using rig = await PipelineRig.create({ files, config });
    const { issue, worker } = await rig.askPerson();

    expect(worker.state.issue(issue.number).feedback).toContain("setup of the quality gate `npm ci`");
  });

  it("does not run on a file whose bytes an agent has put in the place of the committed ones", async () => {
    const files = { "check.sh": "exit 1\n" };
    const config = { ...ONCE, gateCommand: "sh check.sh" };
    await using rig = await PipelineRig.create({ files, config });
    rig.agent.always(
      "implement",
      plays(async (directory) => {
        const id = sh(directory, "rev-parse", "HEAD:check.sh");
        const objects = sh(directory, "rev-parse", "--path-format=absolute", "--git-path", "objects");
        const file = join(objects, id.slice(0, 2), id.slice(2));
        await rm(file);
        await writeFile(file, deflateSync("blob 7\0exit 0\n"));
      }),
    );
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "hitl");

    expect(rig.pulls()).toEqual([]);
  });

  it("tells a person that it was the setup that failed", async () => {
    const config = { ...ONCE, gateSetupCommand: "echo no network; false" };
    await using rig = await PipelineRig.create({ config });
    const { issue, worker } = await rig.askPerson();

    const { feedback } = worker.state.issue(issue.number);
    const asked = questionOf(worker.state.issue(issue.number));
    expect(`${asked?.question}${feedback}`).toContain("setup of the quality gate");
    expect(feedback).toContain("no network");
  });

  it.each(["--skip-worktree", "--assume-unchanged"])("and the pushed tree agree on a file under %s", async (flag) => {
    const config = { ...ONCE, gateCommand: "grep -q good data.txt" };
    await using rig = await PipelineRig.create({ files: NODE_MODULES, config });
    rig.agent.always(
      "implement",
      plays(async (directory) => {
        sh(directory, "update-index", flag, "data.txt");
        await writeFile(join(directory, "data.txt"), "good\n");
      }),
    );
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.fileOn("main", "data.txt")).toBe("good");
  });
});
