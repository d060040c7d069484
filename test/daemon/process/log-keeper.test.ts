import { mkdir, readdir, readFile, rename, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { describe, expect, it } from "vitest";

import { pruneLogFile, listLogFiles } from "../../../src/daemon/process/log-files.ts";
import {
  FIRST_LOOK_AFTER_MS,
  LOOK_INTERVAL_MS,
  LogKeeper,
  type LogKeeperOptions,
  UNTOUCHED_MS,
} from "../../../src/daemon/process/log-keeper.ts";
import { Rig as DaemonRig, until } from "../daemon-rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../../support/temporary-directory.ts";

const HOUR_MS = 3_600_000;

/** The keeper alone. */
class Rig implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly lines: { message: string; [field: string]: unknown }[] = [];
  readonly directory: TemporaryDirectory;
  bytesMax = 1_000;
  readonly #keeper: LogKeeper;

  static async make(work: Record<string, number[]> = { "acme-api": [], "acme-web": [] }): Promise<Rig> {
    return new Rig(await makeTemporaryDirectory(), work);
  }

  private constructor(directory: TemporaryDirectory, work: Record<string, number[]>) {
    this.directory = directory;
    const repos: ReturnType<LogKeeperOptions["repos"]> = new Map(
      Object.entries(work).map(([slug, issues]) => [
        slug,
        { worker: { work: issues.map((issue) => ({ issue, stage: "plan" })) } },
      ]),
    );
    this.#keeper = new LogKeeper({
      home: directory.path,
      repos: () => repos,
      bytesMax: () => this.bytesMax,
      clock: this.clock,
      log: {
        write: (level, message, fields) => void this.lines.push({ level, message, ...fields }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
    });
  }

  /** `hours`: how long ago it was changed. */
  async put(name: string, bytes: number, hours: number): Promise<string> {
    const path = this.directory.file(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "x".repeat(bytes));
    const seconds = this.clock.now().getTime() / 1_000 - hours * 3_600;
    await utimes(path, seconds, seconds);
    return path;
  }

  async size(name: string): Promise<number | undefined> {
    return (await stat(this.directory.file(name)).catch(() => undefined))?.size;
  }

  /** Time goes on, and the look that is then due has ended. */
  async pass(ms: number): Promise<void> {
    await this.asleep();
    await this.clock.advance(ms);
    await this.asleep();
  }

  async asleep(): Promise<void> {
    while (this.clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}

describe("the keeper of all logs", () => {
  it("prunes what is oldest of every repository and of the daemon until the rest is within the bound", async () => {
    await using rig = await Rig.make();
    await rig.put("logs/supervisor.log", 100, 0);
    await rig.put("logs/supervisor.1.log", 400, 30);
    await rig.put("acme-web/logs/worker.log", 100, 0);
    await rig.put("acme-web/logs/worker.1.log", 400, 5);
    await rig.put("acme-web/logs/worker.2.log", 400, 50);
    await rig.put("acme-api/logs/issue-7/plan-1.jsonl", 400, 40);
    await rig.put("acme-api/logs/issue-8/review-2.jsonl", 400, 10);

    await rig.pass(FIRST_LOOK_AFTER_MS);
    await rig.pass(LOOK_INTERVAL_MS);

    expect(await rig.size("acme-web/logs/worker.2.log")).toBe(0);
    expect(await rig.size("logs/supervisor.1.log")).toBe(0);
    expect(await readdir(rig.directory.file("acme-api/logs"))).toEqual(["issue-8"]);
    expect(await rig.size("acme-web/logs/worker.1.log")).toBe(400);
    expect(rig.lines).toEqual([{ level: "info", message: "logs.pruned", files: 3, bytes: 1_200, bytes_left: 1_000 }]);
  });

  it("takes nothing as long as all of it is within the bound", async () => {
    await using rig = await Rig.make();
    await rig.put("acme-web/logs/worker.1.log", 1_000, 500);

    await rig.pass(FIRST_LOOK_AFTER_MS);

    expect(await rig.size("acme-web/logs/worker.1.log")).toBe(1_000);
    expect(rig.lines).toEqual([]);
  });

  it("never takes what is current, fresh, in flight or not ours, and says once that it cannot get below", async () => {
    await using rig = await Rig.make({ "acme-web": [7] });
    const kept = [
      await rig.put("acme-web/logs/worker.log", 900, 900),
      await rig.put("acme-web/logs/worker.stderr.log", 900, 900),
      await rig.put("acme-web/logs/notes.txt", 900, 900),
      await rig.put("acme-web/logs/worker.1.log", 900, UNTOUCHED_MS / HOUR_MS / 2),
      await rig.put("acme-web/logs/issue-7/plan-1.jsonl", 900, 900),
      await rig.put("acme-web/logs/issue-8/notes.txt", 900, 900),
      await rig.put("acme-web/logs/issue-x/plan-1.jsonl", 900, 900),
      await rig.put("removed/logs/worker.1.log", 900, 900),
    ];

    await rig.pass(FIRST_LOOK_AFTER_MS);
    await rig.pass(LOOK_INTERVAL_MS);

    expect(await Promise.all(kept.map(async (path) => (await stat(path)).size))).toEqual(kept.map(() => 900));
    expect(rig.lines).toMatchObject([{ level: "warn", message: "logs.over-bound", bytes: 5_400, bytes_max: 1_000 }]);
  });

  it("follows no link out of a log directory", async () => {
    await using rig = await Rig.make();
    const others = [
      await rig.put("elsewhere/worker.1.log", 2_000, 900),
      await rig.put("elsewhere/plan-1.jsonl", 2_000, 900),
    ];
    const [worker = "", transcript = ""] = others;
    await rig.put("acme-web/logs/worker.log", 2_000, 0);
    await symlink(worker, rig.directory.file("acme-web/logs/worker.1.log"));
    await symlink(rig.directory.file("elsewhere"), rig.directory.file("acme-web/logs/issue-7"));
    await mkdir(rig.directory.file("acme-web/logs/issue-8"));
    await symlink(transcript, rig.directory.file("acme-web/logs/issue-8/plan-1.jsonl"));
    await mkdir(rig.directory.file("acme-api"));
    await symlink(rig.directory.file("elsewhere"), rig.directory.file("acme-api/logs"));

    await rig.pass(FIRST_LOOK_AFTER_MS);

    expect(await Promise.all(others.map(async (path) => (await stat(path)).size))).toEqual([2_000, 2_000]);
    expect(rig.lines).toMatchObject([{ message: "logs.over-bound", bytes: 2_000 }]);
  });

  it("holds another bound from the next turn on", async () => {
    await using rig = await Rig.make();
    rig.bytesMax = 10_000;
    await rig.put("acme-web/logs/worker.1.log", 900, 20);
    await rig.put("acme-web/logs/worker.2.log", 900, 30);
    await rig.pass(FIRST_LOOK_AFTER_MS);

    rig.bytesMax = 1_000;
    await rig.pass(LOOK_INTERVAL_MS);

    expect(await rig.size("acme-web/logs/worker.2.log")).toBe(0);
    expect(await rig.size("acme-web/logs/worker.1.log")).toBe(900);
  });

  it("takes what is old also where the clock was set back by a year", async () => {
    await using rig = await Rig.make();
    await rig.put("acme-web/logs/worker.1.log", 2_000, 20);
    rig.clock.jumpWall(-365 * 24 * HOUR_MS);

    await rig.pass(FIRST_LOOK_AFTER_MS);

    expect(await rig.size("acme-web/logs/worker.1.log")).toBe(0);
  });

  it("looks after the others where one directory cannot be read, and names it once", async () => {
    const unreadable = "a".repeat(300);
    await using rig = await Rig.make({ [unreadable]: [], "acme-web": [] });
    await rig.put("acme-web/logs/worker.1.log", 2_000, 20);

    await rig.pass(FIRST_LOOK_AFTER_MS);
    await rig.pass(LOOK_INTERVAL_MS);

    expect(await rig.size("acme-web/logs/worker.1.log")).toBe(0);
    expect(rig.lines).toMatchObject([
      { message: "logs.pruned", files: 1 },
      { level: "warn", message: "logs.not-kept", problem: expect.stringContaining("ENAMETOOLONG") as string },
    ]);
  });
});

describe("a keeper that fails by a bug", () => {
  it("says so before it ends", async () => {
    const clock = new ManualClock();
    const lines: unknown[] = [];
    await using _keeper = new LogKeeper({
      home: "nowhere",
      repos: () => {
        throw new Error("a bug");
      },
      bytesMax: () => 1,
      clock,
      log: {
        write: (level, message, fields) => void lines.push({ level, message, ...fields }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
    });

    await clock.advance(FIRST_LOOK_AFTER_MS);

    expect(lines).toEqual([{ level: "error", message: "logs.keeper-failed", problem: "a bug" }]);
  });
});

describe("a daemon", () => {
  it("holds the bound of its settings over the logs of its repositories", async () => {
    await using rig = await DaemonRig.make();
    await mkdir(rig.home, { recursive: true, mode: 0o700 });
    await writeFile(join(rig.home, "config.json"), JSON.stringify({ logsBytesMax: 67_108_864 }));
    await mkdir(join(rig.home, "acme-web", "logs"), { recursive: true });
    const rotated = join(rig.home, "acme-web", "logs", "worker.1.log");
    await writeFile(rotated, "");
    // A hole takes no room.
    await truncate(rotated, 100_000_000);
    await utimes(rotated, 1_700_000_000, 1_700_000_000);

    const daemon = await rig.daemon();
    await daemon.ask({
      action: "register_repo",
      path: await rig.checkout("web", "https://github.com/acme/web.git"),
    });
    const pruned = await until("the look", () => daemon.events("logs.pruned")[0]);

    expect(pruned).toMatchObject({ files: 1, bytes: 100_000_000 });
    expect((await stat(rotated)).size).toBe(0);
  });
});

describe("a log file that is pruned", () => {
  it("is never another one that has its name by now, nor does a rotation miss it", async () => {
    await using rig = await Rig.make();
    await rig.put("logs/worker.1.log", 100, 50);
    const logs = rig.directory.file("logs");
    const [seen] = await Array.fromAsync(listLogFiles(logs));
    if (seen === undefined) throw new Error("nothing was found");

    await rename(seen.path, rig.directory.file("logs/worker.2.log"));
    await rig.put("logs/worker.1.log", 7, 0);
    const isPruned = await pruneLogFile(seen);
    const [, older] = await Array.fromAsync(listLogFiles(logs));
    const isOlderPruned = older !== undefined && (await pruneLogFile(older));

    expect([isPruned, isOlderPruned]).toEqual([false, true]);
    expect(await readFile(rig.directory.file("logs/worker.1.log"), "utf8")).toBe("xxxxxxx");
    expect(await readdir(logs)).toEqual(["worker.1.log", "worker.2.log"]);
    expect(await rig.size("logs/worker.2.log")).toBe(0);
  });

  it("may be gone already", async () => {
    await using rig = await Rig.make();
    await rig.put("logs/issue-1/plan-1.jsonl", 100, 50);
    await rig.put("logs/worker.1.log", 100, 50);
    const seen = await Array.fromAsync(listLogFiles(rig.directory.file("logs")));

    await Promise.all(seen.map(({ path }) => rename(path, `${path}.away`)));

    expect(await Promise.all(seen.map(pruneLogFile))).toEqual([false, false]);
  });
});
