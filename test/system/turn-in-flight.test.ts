// An agent is in the middle of its turn while its worker or the daemon is replaced, stopped or killed. Whatever
// happens, what the agent has done is kept and the issue is merged once. No test waits for time: each lets the turn go
// itself.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { CLI } from "../support/built-program.ts";
import { DaemonRig, until } from "../support/daemon-rig.ts";
import { gone, MERGED_ONCE, SLUG, TurnRig, type Turn } from "../support/turn-rig.ts";
import { Rig } from "../daemon/daemon-rig.ts";

const WORKER = CLI.replace(/cli\.js$/, "worker.js");

/** A daemon with the repository, and the issue's implementing turn in flight. */
async function startTurn(turns: TurnRig): Promise<{ daemon: DaemonRig; issue: number; turn: Turn }> {
  const daemon = await DaemonRig.start({ config: turns.config, environment: turns.environment });
  await turns.hold("implement");
  const issue = await turns.fileIssue();
  await daemon.http("POST", "/api/repos", { path: turns.checkout });
  return { daemon, issue, turn: await turns.turn("implement") };
}

/** The next turn must go on with the session of the first and with what that left, and the issue is merged once. */
async function expectResumed(turns: TurnRig, issue: number, first: Turn): Promise<void> {
  const second = await turns.turn("implement", 2);
  await gone(first);
  expect(second).toMatchObject({ session: first.session, isResumed: true });
  expect(await turns.halfDone(issue)).toBe(`${first.pids[0]}\n`);
  await turns.release("implement");
  expect(await turns.outcome(issue)).toEqual(MERGED_ONCE);
  expect(await turns.turns("implement")).toHaveLength(2);
  expect(await turns.merged(`half-${issue}.txt`)).toBe(String(first.pids[0]));
}

test("a rolling restart waits for the turn in flight; the next generation goes on behind it", async () => {
  await using turns = await TurnRig.make();
  const { daemon: started, issue, turn } = await startTurn(turns);
  await using daemon = started;

  const rolled = daemon.http("POST", `/api/repos/${SLUG}/restart?rolling=true`);
  await until(async () => (await daemon.repositories())[0]?.draining === true, "the worker drains");
  await turns.release("implement");

  expect((await rolled).body).toMatchObject({ state: "running", generation: 2, draining: false });
  expect(await turns.outcome(issue)).toEqual(MERGED_ONCE);
  expect(await turns.turns("implement")).toEqual([turn]);
});

test("a rolling restart whose time is over cuts the turn short, and the next generation resumes it", async () => {
  await using turns = await TurnRig.make();
  await using rig = await Rig.make();
  const worker = { runtime: process.execPath, flags: [], entry: WORKER };
  const environment = { PATH: process.env["PATH"], ...turns.environment };
  const daemon = await rig.daemon(turns.config, { worker, environment, timings: { drainMs: 200 } });
  await turns.hold("implement");
  const issue = await turns.fileIssue();
  await daemon.ask({ action: "add_repo", path: turns.checkout });
  const first = await turns.turn("implement");

  const token = readFile(join(rig.home, "token"), "utf8");
  const rolled = await fetch(`http://127.0.0.1:${daemon.httpPort}/api/repos/${SLUG}/restart?rolling=true`, {
    method: "POST",
    headers: { authorization: `Bearer ${(await token).trim()}` },
  });

  expect(await rolled.json()).toMatchObject({ state: "running", generation: 2 });
  await expectResumed(turns, issue, first);
});

test("SIGTERM of the daemon ends the turn, and the next start resumes it", async () => {
  await using turns = await TurnRig.make();
  const { daemon: started, issue, turn } = await startTurn(turns);
  await using daemon = started;

  expect(await daemon.stop()).toBe(0);
  await gone(turn);
  await daemon.launch();

  await expectResumed(turns, issue, turn);
});

test("SIGKILL of the daemon leaves no agent behind, also none that left its group, and the next start resumes the turn", async () => {
  await using turns = await TurnRig.make();
  const { daemon: started, issue, turn } = await startTurn(turns);
  await using daemon = started;

  await daemon.kill();
  await gone(turn);
  await daemon.launch();

  await expectResumed(turns, issue, turn);
});

test("SIGKILL of daemon and worker together: the next start ends what is left of both before it resumes the turn", async () => {
  await using turns = await TurnRig.make();
  const { daemon: started, issue, turn } = await startTurn(turns);
  await using daemon = started;
  const [entry] = await daemon.repositories();

  process.kill(Number(entry?.pid), "SIGSTOP");
  await daemon.kill();
  process.kill(Number(entry?.pid), "SIGKILL");
  await daemon.launch();

  await expectResumed(turns, issue, turn);
});
