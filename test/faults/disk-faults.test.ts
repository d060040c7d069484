// The disk is full or read-only: registry, journal, worker and log each refuse or count what they cannot keep, lose
// nothing that was promised, and go on by themselves when it takes files again.

import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect } from "vitest";

import { systemClock } from "../../src/core/base/clock.ts";
import { openLog } from "../../src/core/logs/log.ts";
import { supervisorPaths } from "../../src/core/files/paths.ts";
import { Redactor } from "../../src/core/logs/redact.ts";
import { ok } from "../../src/core/base/result.ts";
import { Journal } from "../../src/worker/state/journal.ts";
import { NEVER, Rig, type RigDaemon, until } from "../daemon/daemon-rig.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";
import { fault, repeat } from "./fault.ts";

const run = promisify(execFile);
/** The rounds wait more than they work, so they go in lanes. */
const LANES = 3;
const DISK_SIZE = "256k";
const MORE_THAN_DISK_SIZE = 1_000_000;

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

interface SmallDisk extends AsyncDisposable {
  fill(bytes?: number): Promise<void>;
  free(): Promise<void>;
}

/** Puts the directory on a disk of its own, which needs root. */
async function onSmallDisk(home: string, size = DISK_SIZE): Promise<SmallDisk> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  await run("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", home]);
  const filler = join(home, "filler");
  return {
    fill: (bytes = MORE_THAN_DISK_SIZE) =>
      expect(writeFile(filler, Buffer.alloc(bytes))).rejects.toMatchObject({ code: "ENOSPC" }),
    free: () => rm(filler),
    [Symbol.asyncDispose]: async () => void (await run("umount", ["--lazy", home])),
  };
}

async function fillNearly(disk: SmallDisk): Promise<() => Promise<unknown>> {
  await disk.fill(400_000_000);
  return () => disk.free();
}

/**
 * Makes the path read-only for whoever comes by it; an open file stays as it is. The mount is made aside, where nobody
 * writes meanwhile.
 */
async function makeReadOnly(_disk: SmallDisk, path: string): Promise<() => Promise<unknown>> {
  const aside = join(rig.directory, "read-only");
  await mkdir(aside, { recursive: true });
  await run("mount", ["--bind", path, aside]);
  await run("mount", ["-o", "remount,ro,bind", aside]);
  await run("mount", ["--bind", aside, path]);
  await run("umount", [aside]);
  return () => run("umount", ["--lazy", path]);
}

async function get(daemon: RigDaemon, home: string, path: string): Promise<string> {
  const token = (await readFile(join(home, "token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`http://127.0.0.1:${daemon.httpPort}${path}`, { headers })).text();
}

describe("a full disk", () => {
  fault(
    "F05 refuses changes with a reason, serves what can be read, and is over when there is room again",
    { few: 1, many: 20, roundMs: 60_000 },
    async ({ count }) => {
      const round = async (): Promise<void> => {
        await using own = await Rig.make();
        const path = await own.checkout("web", "https://github.com/acme/web.git");
        await using disk = await onSmallDisk(own.home);
        await using daemon = await own.daemon();
        const problems = async (): Promise<unknown> =>
          (JSON.parse(await get(daemon, own.home, "/api/ping")) as { problems: unknown }).problems;
        await disk.fill();

        const refused = await daemon.ask({ action: "register_repo", path });
        const list = await daemon.ask({ action: "list_repos" });
        const told = await problems();
        await disk.free();
        await until("the end of the problem", async () => (await problems())?.toString() === "");
        const accepted = await daemon.ask({ action: "register_repo", path });

        expect(refused).toMatchObject({
          status: "error",
          code: "storage_failed",
          error: expect.stringContaining("ENOSPC") as string,
        });
        expect(list).toMatchObject({ status: "ok", repos: [] });
        expect(told).toEqual([expect.stringContaining("ENOSPC")]);
        expect(accepted).toMatchObject({ status: "ok", slug: "acme-web" });
      };
      await repeat(count, round, LANES);
    },
  );

  fault(
    "F05 does not keep a daemon from starting: it serves what can be read, and is whole when there is room again",
    { few: 1, many: 20, roundMs: 60_000 },
    async ({ count }) => {
      const round = async (): Promise<void> => {
        await using own = await Rig.make();
        const path = await own.checkout("web", "https://github.com/acme/web.git");
        await using disk = await onSmallDisk(own.home);
        const before = await own.daemon();
        await before.ask({ action: "register_repo", path });
        await before[Symbol.asyncDispose]();
        // The next write would find its room in the place of this file.
        await rm(supervisorPaths(own.home).statePrevious);
        await disk.fill();

        await using daemon = await own.daemon();
        const list = await daemon.ask({ action: "list_repos" });
        const refused = await daemon.ask({ action: "remove_repo", slug: "acme-web" });
        await disk.free();
        await until("both ports on the disk", async () => {
          const told = await readFile(supervisorPaths(own.home).portFile, "utf8").catch(() => "");
          return told === String(daemon.port) && (await own.state())["port"] === daemon.port;
        });

        expect(list).toMatchObject({ status: "ok", repos: [{ slug: "acme-web" }] });
        expect(refused).toMatchObject({ code: "storage_failed", error: expect.stringContaining("ENOSPC") as string });
      };
      await repeat(count, round, LANES);
    },
  );

  fault(
    "F05 keeps a worker from an effect that its journal cannot hold, and loses none that it held",
    { few: 2, many: 20, roundMs: 5_000 },
    async ({ count }) => {
      await repeat(count, async (index) => {
        await using disk = await onSmallDisk(join(rig.directory, `journal-${index}`));
        const path = join(rig.directory, `journal-${index}`, "journal.jsonl");
        const done: string[] = [];
        const act = (journal: Journal, key: string) =>
          journal.effect(
            key,
            {
              look: () => Promise.resolve(ok(null)),
              act: () => {
                done.push(key);
                return Promise.resolve(ok(key));
              },
            },
            NEVER,
          );
        const journal = await Journal.open(path, systemClock);
        for (let effect = 0; effect < 5; effect += 1) await act(journal, `${effect}.1/comment`);
        await disk.fill();
        await expect(fillUp(act, journal)).rejects.toMatchObject({ code: "ENOSPC" });
        const before = [...done];
        await disk.free();
        await act(journal, "99.1/comment");
        await journal[Symbol.asyncDispose]();

        await using again = await Journal.open(path, systemClock);
        expect(again.degraded).toBeNull();
        expect(done).toEqual([...before, "99.1/comment"]);
        expect(again.keys("")).toEqual(expect.arrayContaining(done));
      });
    },
  );

  const dataRoot = (world: PipelineRig): string => world.dataRoot();
  /** Nothing of the directory is there yet but its place. */
  const worktrees = (world: PipelineRig): string => join(world.directory, "worktrees");
  const shortages = [
    ["less than 256 MiB free", "state", dataRoot, fillNearly],
    ["is read-only", "state", dataRoot, makeReadOnly],
    ["less than 256 MiB free", "worktrees", worktrees, fillNearly],
    ["is read-only", "worktrees", worktrees, makeReadOnly],
  ] as const;
  for (const [notice, what, placeOf, shorten] of shortages)
    fault(
      `F05 under the ${what}, of which "${notice}" holds, keeps a worker from beginning anything, which it says, and what waits is done once when that is over`,
      { few: 1, many: 5, roundMs: 120_000 },
      async ({ count }) => {
        await repeat(count, async () => {
          await using world = await PipelineRig.create();
          await using disk = await onSmallDisk(placeOf(world), "300m");
          const worker = await world.start();
          await world.until("the pipeline", () => worker.orchestrator !== null);
          const end = await shorten(disk, placeOf(world));
          await world.until("the notice", () => worker.notice?.includes(notice) === true);

          // The labels were made when the worker started.
          const before = world.world.writes.length;
          const issue = world.addIssue();
          await worker.orchestrator?.store.refresh(NEVER, { force: true });
          await world.until("a queue", () => worker.orchestrator?.store.queues().triage.queued.length === 1);
          const [turns, writes] = [world.agent.turns.length, world.world.writes.length - before];
          await end();
          await world.untilLabel(issue.number, "fixed");
          await world.until("the end of the notice", () => worker.notice === null);
          await worker[Symbol.asyncDispose]();

          expect([turns, writes]).toEqual([0, 0]);
          expect(world.pulls()).toHaveLength(1);
          expect(worker.state.issue(issue.number).history.length).toBeGreaterThan(0);
        });
      },
    );

  fault(
    "F30 under the log does not end the daemon, and what was dropped can be seen",
    { few: 1, many: 20, roundMs: 20_000 },
    async ({ count }) => {
      const round = async (): Promise<void> => {
        await using own = await Rig.make();
        await using disk = await onSmallDisk(join(own.home, "logs"));
        await using daemon = await own.daemon();
        const dropped = async (): Promise<number> =>
          Number(
            /^hydraflow_supervisor_log_dropped_bytes_total\S* (\d+)$/m.exec(
              await get(daemon, own.home, "/metrics"),
            )?.[1],
          );
        await disk.fill();
        await until("records that were dropped", async () => {
          await daemon.ask({ action: "start_repo", slug: "nobody" });
          await daemon.ask({ action: "register_repo", path: await own.checkout("web", "https://github.com/acme/web") });
          await daemon.ask({ action: "remove_repo", slug: "acme-web" });
          return (await dropped()) > 0;
        });
        await disk.free();
        await until("a record that says so", async () => {
          await daemon.ask({ action: "register_repo", path: await own.checkout("web", "https://github.com/acme/web") });
          await daemon.ask({ action: "remove_repo", slug: "acme-web" });
          const text = await readFile(supervisorPaths(own.home).logFile, "utf8").catch(() => "");
          return text.includes('"log.records-dropped"');
        });
        expect(await daemon.ask({ action: "ping" })).toMatchObject({ status: "ok" });
      };
      await repeat(count, round, LANES);
    },
  );

  fault(
    "F30 under a log costs the records of that time alone: those after it stand on lines of their own and say how many are missing",
    { few: 1, many: 20, roundMs: 20_000 },
    async ({ count }) => {
      const round = async (index: number): Promise<void> => {
        const directory = join(rig.directory, `log-${index}`);
        await using disk = await onSmallDisk(directory);
        const file = join(directory, "worker.log");
        const redactor = new Redactor([]);
        await using log = openLog({ file, bytesMax: 65_536, filesMax: 2, redactor, fields: { repo: "acme-web" } });
        log.write("info", "first");
        await until("the first record", async () => (await readFile(file, "utf8").catch(() => "")).includes('"first"'));
        await disk.fill();
        await until("a loss", () => {
          log.write("info", "lost", { padding: "x".repeat(4_000) });
          return log.droppedBytes > 0;
        });
        await disk.free();
        await until("the word on it", async () => {
          log.write("info", "again");
          return (await readFile(file, "utf8").catch(() => "")).includes('"log.records-dropped"');
        });
        const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.startsWith("{"));
        const whole = lines
          .filter((line) => line.endsWith("}"))
          .map((line) => JSON.parse(line) as { dropped?: number });
        expect(whole.some(({ dropped }) => (dropped ?? 0) > 0)).toBe(true);
      };
      await repeat(count, round, LANES);
    },
  );
});

/** Makes effects until the disk takes no more of them. */
async function fillUp(act: (journal: Journal, key: string) => Promise<unknown>, journal: Journal): Promise<void> {
  for (let effect = 10; effect < 10_000; effect += 1) await act(journal, `${effect}.1/comment`);
}
