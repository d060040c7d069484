// The daemon taken out of work by its operator: what is in flight is finished, nothing new is begun, and both can be
// seen everywhere. The agent's turn ends when the test says so.

import { execFile } from "node:child_process";

import { expect, test } from "vitest";

import { CLI } from "../support/built-program.ts";
import { DaemonRig, until } from "../support/daemon-rig.ts";
import { MERGED_ONCE, SLUG, TurnRig } from "../support/turn-rig.ts";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function cli(daemon: DaemonRig, ...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const args = [CLI, ...words, "--home", daemon.paths.home];
    execFile(process.execPath, args, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function startTurn(turns: TurnRig): Promise<{ daemon: DaemonRig; issue: number }> {
  const daemon = await DaemonRig.start({ config: turns.config, environment: turns.environment });
  await turns.hold("implement");
  const issue = await turns.fileIssue();
  await daemon.http("POST", "/api/repos", { path: turns.checkout });
  await turns.turn("implement");
  return { daemon, issue };
}

test("hydraflow drain returns when the turn in flight has ended; the next daemon does the rest, once", async () => {
  await using turns = await TurnRig.make();
  const { daemon: started, issue } = await startTurn(turns);
  await using daemon = started;

  const draining = cli(daemon, "drain", "--timeout", "10m");
  await until(async () => (await daemon.repositories())[0]?.draining === true, "the worker drains");
  const later = await turns.fileIssue("reply");
  await turns.release("implement");
  const drained = await draining;

  expect(drained).toMatchObject({ code: 0, stderr: "" });
  expect(drained.stdout).toContain(`${SLUG}: finished #${issue} implement\n`);
  expect(drained.stdout).toMatch(/drained: nothing is in flight.*\n$/);
  expect((await daemon.http("GET", "/api/drain")).body).toMatchObject({ draining: true, drained: true });
  expect(turns.labels(issue)).toContain("hydraflow-review");
  expect(turns.labels(later)).toEqual(["hydraflow-find"]);

  expect(await daemon.stop()).toBe(0);
  await daemon.launch();

  expect((await daemon.http("GET", "/api/drain")).body).toMatchObject({ draining: false, since: null });
  expect(await turns.outcome(issue)).toEqual(MERGED_ONCE);
  expect(await turns.outcome(later)).toEqual(MERGED_ONCE);
  expect(await turns.turns("implement")).toHaveLength(2);
});

test("when the time is over it names what is left, and --cancel takes it back", async () => {
  await using turns = await TurnRig.make();
  const { daemon: started, issue } = await startTurn(turns);
  await using daemon = started;

  const late = await cli(daemon, "drain", "--timeout", "0s");
  const json = await cli(daemon, "drain", "--timeout", "0s", "--json");
  await until(async () => (await daemon.repositories())[0]?.draining === true, "the worker drains");
  const later = await turns.fileIssue("reply");
  const cancelled = await cli(daemon, "drain", "--cancel");

  expect(late.code).toBe(75);
  expect(late.stderr).toContain(SLUG);
  expect(json.code).toBe(75);
  expect(JSON.parse(json.stdout)).toMatchObject({ draining: true, drained: false });
  expect(cancelled).toMatchObject({ code: 0, stdout: "issues are taken again\n" });
  await turns.turn("implement", 2);
  await turns.release("implement");
  expect(await turns.outcome(issue)).toEqual(MERGED_ONCE);
  expect(await turns.outcome(later)).toEqual(MERGED_ONCE);
  expect(await turns.turns("implement")).toHaveLength(2);
});

test("a drain shows everywhere, and holds for workers that are spawned meanwhile, until it is taken back", async () => {
  await using turns = await TurnRig.make();
  const { daemon: started, issue } = await startTurn(turns);
  await using daemon = started;

  await daemon.http("POST", "/api/drain", {});
  await daemon.http("POST", `/api/repos/${SLUG}/restart`);
  await until(async () => {
    const [entry] = await daemon.repositories();
    return entry?.generation === 2 && entry.draining;
  }, "the next generation drains");
  const { body } = await daemon.http("POST", "/api/drain", { timeout_s: 110 });

  expect(body).toMatchObject({
    drained: true,
    repos: [{ slug: SLUG, in_flight_work: [], finished: [], interrupted: [{ issue, stage: "implement" }] }],
  });
  expect((await daemon.http("GET", "/readyz")).body["text"]).toBe("ready, draining\n");
  expect((await daemon.http("GET", "/api/ping")).body).toMatchObject({ ready: true, draining: true, problems: [] });
  expect((await daemon.http("GET", "/metrics")).body["text"]).toContain("\nhydraflow_draining 1\n");
  expect((await cli(daemon, "list")).stdout).toMatch(/acme-web +acme\/web +draining /);
  expect((await cli(daemon, "status")).stdout).toContain(", draining\n");
  const undrain = JSON.stringify({ action: "undrain", token: await daemon.token() });
  expect(JSON.parse(await daemon.tcp(`${undrain}\n`, 1))).toMatchObject({ status: "ok", draining: false });
  await turns.turn("implement", 2);
  await turns.release("implement");
  expect(await turns.outcome(issue)).toEqual(MERGED_ONCE);
});
