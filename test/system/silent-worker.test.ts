// A text makes every parser stand still: the worker is killed for its silence, twice with the same issue, and then that
// issue waits for a person while the repository goes on.

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { Rig, type RigDaemon, until } from "../daemon/daemon-rig.ts";
import { CLI } from "../support/built-program.ts";
import { MERGED_ONCE, SLUG, TurnRig } from "../support/turn-rig.ts";

const WORKER = CLI.replace(/cli\.js$/, "worker.js");
const STANDS_STILL = fileURLToPath(new URL("../fixtures/workers/stands-still.mjs", import.meta.url));
/** It is so long that its end alone holds nothing. */
const HOSTILE = `these words hold every parser ${"and more ".repeat(1_000)}`;
/** The wait has room for several lives, each with a silence at its end. */
const TIMEOUT_MS = 400_000;
const SETTINGS = { respawnDelayMs: 20, respawnDelayMaxMs: 100, respawnCountMax: 5 };

async function startDaemon(rig: Rig, turns: TurnRig): Promise<RigDaemon> {
  return rig.daemon(
    { ...turns.config, ...SETTINGS },
    {
      worker: { runtime: process.execPath, flags: ["--import", STANDS_STILL], entry: WORKER },
      environment: { PATH: process.env["PATH"], ...turns.environment },
      timings: { heartbeatTimeoutMs: 6_000 },
    },
  );
}

function silences(daemon: RigDaemon): number {
  return daemon.events("repo.hung").filter(({ reason }) => String(reason).startsWith("silent for")).length;
}

function questions(turns: TurnRig, issue: number): readonly string[] {
  const bodies = turns.forge.comments("acme/web", issue).map(({ body }) => body);
  return bodies.filter((body) => body.includes("fell silent"));
}

/** The test goes step by step: each life takes its time. */
async function untilAsked(daemon: RigDaemon, turns: TurnRig, issue: number): Promise<void> {
  for (const count of [1, 2]) await until(`silence ${count}`, () => silences(daemon) >= count);
  await until("the question", () => questions(turns, issue).length > 0);
}

test("an issue whose comment holds the worker goes to a person, and the other issues are merged", {
  timeout: TIMEOUT_MS,
}, async () => {
  await using turns = await TurnRig.make();
  await using rig = await Rig.make();
  const bad = await turns.fileIssue("bad");
  await turns.forge.addComment("acme/web", bad, "stranger", HOSTILE);
  const good = await turns.fileIssue("good");
  const daemon = await startDaemon(rig, turns);

  await daemon.ask({ action: "add_repo", path: turns.checkout });

  await untilAsked(daemon, turns, bad);
  await until("the hand-off", () => turns.labels(bad).includes("hydraflow-hitl"));
  expect(await turns.outcome(good)).toEqual(MERGED_ONCE);
  expect(questions(turns, bad)).toHaveLength(1);
  expect(silences(daemon)).toBe(2);
  expect(await daemon.entry(SLUG)).toMatchObject({ state: "running", quarantines: 0 });
});

test("an issue that waits with such a comment is asked about anew, and goes on when a person has answered", {
  timeout: TIMEOUT_MS,
}, async () => {
  await using turns = await TurnRig.make();
  await using rig = await Rig.make();
  const bad = await turns.fileIssue("bad");
  await turns.forge.editIssue("acme/web", bad, { labels: ["hydraflow-hitl"] });
  const comment = await turns.forge.addComment("acme/web", bad, "stranger", HOSTILE);
  const daemon = await startDaemon(rig, turns);
  await daemon.ask({ action: "add_repo", path: turns.checkout });
  await untilAsked(daemon, turns, bad);
  const asked = silences(daemon);

  await fetch(`${turns.forge.url}/repos/acme/web/issues/comments/${comment}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${turns.forge.token}` },
  });
  const token = (await readFile(join(rig.home, "token"), "utf8")).trim();
  const answered = await until("an answer that is taken", async () => {
    const reply = await fetch(`http://127.0.0.1:${daemon.httpPort}/api/repos/${SLUG}/worker/hitl/${bad}/correct`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ text: "I have deleted the comment." }),
    });
    return reply.ok;
  });

  expect(answered).toBe(true);
  expect(await turns.outcome(bad)).toEqual(MERGED_ONCE);
  expect([asked, silences(daemon)]).toEqual([2, 2]);
});

test("without the breadcrumb the same text takes the whole repository", { timeout: TIMEOUT_MS }, async () => {
  await using turns = await TurnRig.make();
  await using rig = await Rig.make();
  const bad = await turns.fileIssue("bad");
  await turns.forge.addComment("acme/web", bad, "stranger", HOSTILE);
  await mkdir(join(rig.home, SLUG, "attention.crumb"), { recursive: true });
  const daemon = await startDaemon(rig, turns);

  await daemon.ask({ action: "add_repo", path: turns.checkout });

  for (const count of [1, 2, 3, 4, 5]) await until(`silence ${count}`, () => silences(daemon) >= count);
  const entry = await daemon.entryWhen(SLUG, "quarantine", ({ state }) => state === "quarantined");
  expect(entry.last_exit?.reason).toBe("silent for 6 s");
  expect(questions(turns, bad)).toEqual([]);
});
