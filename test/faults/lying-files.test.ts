// Some files are not what they should be: damaged, cut, of somebody else, or no file at all. They are kept as evidence
// or left in place, and what is not good is never believed.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { link, lstat, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect } from "vitest";

import { AppendLog } from "../../src/core/files/append-log.ts";
import { EMPTY_DOCUMENT, encodeDocument, type RepoRecord } from "../../src/daemon/registry/registry-document.ts";
import { Rig } from "../daemon/daemon-rig.ts";
import { fault, repeat } from "./fault.ts";

const WEB: RepoRecord = {
  path: "/web",
  slug: "acme-web",
  port: 0,
  dashboard_url: "",
  log_file: "",
  repo: "acme/web",
  repo_slug: false,
  desired: "stopped",
  quarantine: null,
  added_at: "2026-01-01T00:00:00.000Z",
};

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

describe("files that lie", () => {
  const good = encodeDocument(EMPTY_DOCUMENT);
  const twice = encodeDocument({ ...EMPTY_DOCUMENT, retired: [{ slug: "__proto__", repo: "a/b" }] });
  const contents: readonly (readonly [name: string, content: string | Buffer])[] = [
    ["empty", ""],
    ["null", "null"],
    ["an array", "[]"],
    ["50 MB", Buffer.alloc(50_000_000, "x")],
    ["deep", `${"[".repeat(10_000)}${"]".repeat(10_000)}`],
    ["a byte order mark", `\uFEFF${good}`],
    [
      "no UTF-8",
      Buffer.concat([Buffer.from(good.slice(0, 20)), Buffer.from([0xff, 0xfe]), Buffer.from(good.slice(20))]),
    ],
    ["a wrong checksum", good.replace(/"checksum": "/, '"checksum": "0')],
    ["a prototype's name", twice.replaceAll("a/b", "a/c")],
    ["one slug of two repositories", encodeDocument({ ...EMPTY_DOCUMENT, repos: [WEB, { ...WEB, path: "/other" }] })],
    ["a slug that leads elsewhere", encodeDocument({ ...EMPTY_DOCUMENT, repos: [{ ...WEB, slug: "../../etc" }] })],
    ["cut", good.slice(0, good.length / 2)],
  ];

  fault(
    "F08 are kept as evidence, and the daemon works with what is good",
    { few: 1, many: 5, roundMs: 60_000 },
    async ({ count }) => {
      await mkdir(rig.home, { recursive: true, mode: 0o700 });
      await repeat(count, async () => {
        for (const [name, content] of contents) {
          await rm(join(rig.home, "supervisor-state.json.prev"), { force: true });
          await writeFile(join(rig.home, "supervisor-state.json"), content);
          await using daemon = await rig.daemon();
          expect(daemon.events("registry.degraded"), name).toHaveLength(1);
          const copies = (await readdir(rig.home)).filter((file) => file.includes(".corrupt-"));
          const kept = await Promise.all(copies.map((file) => readFile(join(rig.home, file))));
          expect(
            kept.some((bytes) => bytes.equals(Buffer.from(content))),
            name,
          ).toBe(true);
          await Promise.all(copies.map((file) => rm(join(rig.home, file))));
        }
      });
    },
  );

  fault(
    "F20 never make it signal a process that is not its own",
    { few: 2, many: 100, roundMs: 10_000 },
    async ({ count }) => {
      const stranger = spawn("sleep", ["100000"], { stdio: "ignore" });
      await mkdir(rig.home, { recursive: true, mode: 0o700 });
      await repeat(count, async () => {
        const document = { ...EMPTY_DOCUMENT, pid: stranger.pid ?? 0, port: 1, httpPort: 1 };
        await writeFile(join(rig.home, "supervisor-state.json"), encodeDocument(document));
        await using daemon = await rig.daemon();
        await daemon.ask({ action: "ping" });
      });
      expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
      stranger.kill();
      await once(stranger, "exit");
    },
  );

  fault(
    "F36 that are links, or sockets of somebody else, living or dead, are refused and left in place",
    { few: 1, many: 50, roundMs: 30_000 },
    async ({ count }) => {
      await mkdir(rig.home, { recursive: true, mode: 0o700 });
      const path = join(rig.home, "supervisor-state.json");
      const refuse = async (): Promise<void> => {
        const before = await lstat(path);
        const daemon = rig.spawnDaemon();
        expect(await daemon.exited).toBe(78);
        expect(daemon.output()).toContain(`${path} must be a regular file`);
        expect((await lstat(path)).ino).toBe(before.ino);
      };
      const foreign = createServer().listen(path);
      await once(foreign, "listening");
      await repeat(count, refuse);
      const client = connect(path);
      await once(client, "connect");
      client.destroy();
      // A second name outlives the server.
      await link(path, `${path}.kept`);
      foreign.close();
      await once(foreign, "close");
      await rename(`${path}.kept`, path);
      await repeat(count, refuse);
      await rm(path);
      await symlink(await rig.file("elsewhere.json", good), path);
      await refuse();
    },
  );
});

describe("a file of records", () => {
  fault(
    "F06 that was cut at any byte of its last record has all that stood before it",
    { few: 60, many: 600, roundMs: 500 },
    async ({ count, random }) => {
      const path = join(rig.directory, "records.jsonl");
      const texts = Array.from({ length: 20 }, (_, number) => `${number} ${"é".repeat(Math.floor(random() * 300))}`);
      const last = "x".repeat(count);
      await using whole = await AppendLog.open<{ text: string }>(path, { bytesMax: 1_048_576 });
      for (const text of texts) await whole.append({ text }, "buffered");
      const before = (await readFile(path)).length;
      await whole.append({ text: last }, "durable");
      const content = await readFile(path);
      const offsets = Array.from({ length: content.length - before }, (_, offset) => before + offset);
      expect(offsets.length).toBeGreaterThan(count);

      for (const length of offsets) {
        await writeFile(path, content);
        await truncate(path, length);
        await using cut = await AppendLog.open<{ text: string }>(path, { bytesMax: 1_048_576 });
        expect(cut.records.map(({ text }) => text)).toEqual(texts);
        expect(cut.damage).toEqual({ damagedLines: 0, cutTail: length > before });
      }
    },
  );
});
