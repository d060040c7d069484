import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { type LogOptions, openLog } from "../../../src/core/logs/log.ts";
import { Redactor } from "../../../src/core/logs/redact.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

interface Line {
  readonly level: string;
  readonly ts: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

function options(file: string, more: Partial<LogOptions> = {}): LogOptions {
  return { file, bytesMax: 1_048_576, filesMax: 3, redactor: new Redactor(), fields: { repo: "acme-web" }, ...more };
}

async function linesOf(file: string): Promise<Line[]> {
  return (await readFile(file, "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

describe("the log", () => {
  it("writes one JSON line per record with level, time, message and fields", async () => {
    await using directory = await makeTemporaryDirectory();
    const log = openLog(options(directory.file("logs", "worker.log")));

    log.write("info", "worker.ready", { port: 1234 });
    log.write("error", "github.failed", { message: "two\nlines \u001b[31mred" });
    log.write("debug", "store.synced");
    await log[Symbol.asyncDispose]();

    const text = await readFile(directory.file("logs", "worker.log"), "utf8");
    const lines = await linesOf(directory.file("logs", "worker.log"));
    expect(lines).toMatchObject([
      { level: "info", msg: "worker.ready", port: 1234, repo: "acme-web" },
      { level: "error", msg: "github.failed", message: "two\nlines \u001b[31mred" },
      { level: "debug", msg: "store.synced" },
    ]);
    for (const { ts } of lines) expect(new Date(ts).toISOString()).toBe(ts);
    expect(text.trimEnd().split("\n")).toHaveLength(3);
    expect(text).not.toContain("\u001b");
  });

  it("is private, appends after a restart, and mirrors every line", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("logs", "worker.log");
    const mirrored: string[] = [];

    for (const n of [1, 2]) {
      const log = openLog(options(file, { mirror: { write: (line) => mirrored.push(line) } }));
      log.write("info", "start", { n });
      await log[Symbol.asyncDispose]();
    }

    expect((await linesOf(file)).map(({ n }) => n)).toEqual([1, 2]);
    expect(mirrored.join("")).toBe(await readFile(file, "utf8"));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(directory.file("logs"))).mode & 0o777).toBe(0o700);
  });

  it("keeps the name of its current file when it rotates, and the sum of its files within the cap", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("worker.log");
    const log = openLog(options(file, { bytesMax: 10_000, filesMax: 3 }));

    for (let n = 0; n < 1_000; n += 1) {
      log.write("info", "event", { n, padding: "x".repeat(100) });
      if (n % 50 === 0) await sleep(0);
    }
    log.write("info", "last");
    await log[Symbol.asyncDispose]();

    const names = (await readdir(directory.path)).toSorted();
    const sizes = await Promise.all(names.map(async (name) => (await stat(directory.file(name))).size));
    expect(names).toEqual(["worker.1.log", "worker.2.log", "worker.log"]);
    expect(sizes.every((size) => size <= 10_000 + 1_000)).toBe(true);
    expect((await linesOf(file)).at(-1)?.msg).toBe("last");
    const numbers = (
      await Promise.all(["worker.2.log", "worker.1.log", "worker.log"].map((name) => linesOf(directory.file(name))))
    )
      .flat()
      .map(({ n }) => n);
    expect(numbers.slice(0, -1)).toEqual(
      Array.from({ length: numbers.length - 1 }, (_, index) => 1_001 - numbers.length + index),
    );
  });

  it("removes what an earlier start with more files has left, and keeps to one file's size where one is allowed", async () => {
    await using directory = await makeTemporaryDirectory();
    for (const name of ["worker.log", "worker.1.log", "worker.2.log", "worker.3.log", "worker.stderr.log"]) {
      await writeFile(directory.file(name), "{}\n");
    }

    const log = openLog(options(directory.file("worker.log"), { bytesMax: 10_000, filesMax: 1 }));
    for (let n = 0; n < 300; n += 1) {
      log.write("info", "event", { n, padding: "x".repeat(100) });
      if (n % 50 === 0) await sleep(0);
    }
    await log[Symbol.asyncDispose]();

    expect((await readdir(directory.path)).toSorted()).toEqual(["worker.1.log", "worker.log", "worker.stderr.log"]);
    const sizes = await Promise.all(
      ["worker.1.log", "worker.log"].map(async (name) => (await stat(directory.file(name))).size),
    );
    expect((sizes[0] ?? 0) + (sizes[1] ?? 0)).toBeLessThanOrEqual(10_000 + 500);
  });

  it("writes no secret, whatever field it stands in", async () => {
    await using directory = await makeTemporaryDirectory();
    const secret = 'very"secret\\value';
    const log = openLog(
      options(directory.file("worker.log"), { redactor: new Redactor([secret]), fields: { from: secret } }),
    );

    log.write("info", "event", {
      deep: { list: [`a ${secret} b`] },
      url: `https://u:${encodeURIComponent(secret)}@h/`,
    });
    await log[Symbol.asyncDispose]();

    const text = await readFile(directory.file("worker.log"), "utf8");
    expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(text).not.toContain(encodeURIComponent(secret));
    expect(JSON.parse(text)).toMatchObject({ from: "[redacted]", deep: { list: ["a [redacted] b"] } });
  });

  it("cuts a record that is too large and still writes valid JSON", async () => {
    await using directory = await makeTemporaryDirectory();
    const log = openLog(options(directory.file("worker.log")));

    log.write("info", "event", { text: "x".repeat(2_000_000) });
    await log[Symbol.asyncDispose]();

    const [line] = await linesOf(directory.file("worker.log"));
    expect(line).toMatchObject({ level: "warn", msg: "log.record-cut" });
    expect(JSON.stringify(line).length).toBeLessThan(5_000);
  });

  it("takes fields that JSON cannot hold", async () => {
    await using directory = await makeTemporaryDirectory();
    const log = openLog(options(directory.file("worker.log")));
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;

    log.write("info", "circular", { circular });
    log.write("info", "after");
    await log[Symbol.asyncDispose]();

    expect((await linesOf(directory.file("worker.log"))).map(({ msg }) => msg)).toEqual(["circular", "after"]);
  });

  it("goes on when the disk takes records again, and says how many are missing", async () => {
    await using directory = await makeTemporaryDirectory();
    const [logs, file] = [directory.file("logs"), directory.file("logs", "worker.log")];
    const log = openLog(options(file, { bytesMax: 200 }));
    log.write("info", "before", { padding: "x".repeat(300) });
    await until(() => existsSync(directory.file("logs", "worker.1.log")) && existsSync(file));

    // A file in the place of the directory: the rotation fails for good.
    await rm(logs, { recursive: true });
    await writeFile(logs, "");
    for (let n = 0; n < 20; n += 1) {
      log.write("info", "lost", { n });
      await sleep(10);
    }
    await rm(logs);
    await mkdir(logs);
    const text = await writeUntilItArrives(log, logs);
    await log[Symbol.asyncDispose]();

    expect(text).toMatch(/"msg":"log\.records-dropped"/);
    expect(Number(/"dropped":(\d+)/.exec(text)?.[1])).toBeGreaterThan(0);
    expect(log.droppedBytes).toBeGreaterThan(50);
  });

  it("can be closed while the disk takes nothing", async () => {
    await using directory = await makeTemporaryDirectory();
    const log = openLog(options(directory.file("logs", "worker.log")));
    log.write("info", "kept");
    await until(() => existsSync(directory.file("logs", "worker.log")));
    await rm(directory.file("logs"), { recursive: true });
    await writeFile(directory.file("logs"), "");

    log.write("info", "lost");

    await expect(log[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within the deadline: ${condition.toString()}`);
    await sleep(5);
  }
}

/** All text beneath the directory, once a record of ours is in it. */
async function writeUntilItArrives(
  log: { write(level: "info", message: string): void },
  directory: string,
): Promise<string> {
  const deadline = performance.now() + 120_000;
  while (performance.now() < deadline) {
    log.write("info", "again");
    await sleep(50);
    const texts = await Promise.all(
      (await readdir(directory)).map((name) => readFile(`${directory}/${name}`, "utf8").catch(() => "")),
    );
    const text = texts.join("");
    if (text.includes('"msg":"again"') && text.includes("records-dropped")) return text;
  }
  throw new Error("no record arrived within the deadline");
}
