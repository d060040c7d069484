import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { describe, expect, it } from "vitest";

import { systemClock } from "../../../src/core/base/clock.ts";
import { takeKernelLock } from "../../../src/core/files/kernel-lock.ts";
import { adoptLegacyLayout } from "../../../src/worker/state/legacy-layout.ts";
import { SessionLog } from "../../../src/worker/state/session-log.ts";
import { StateTracker } from "../../../src/worker/state/state-tracker.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
const clock = new ManualClock();

const STATE = JSON.stringify({ processed_issues: {}, lifetime_stats: { prs_merged: 3 }, last_updated: "2026-01-01" });
const EVENTS = `${JSON.stringify({ id: 1, type: "pr_created", timestamp: "2026-01-01", data: {} })}\n`;
const session = (repo: string) =>
  JSON.stringify({
    id: `${repo}-1`,
    repo,
    started_at: "2026-01-01",
    status: "completed",
    issues_processed: [1],
    issues_succeeded: 1,
    issues_failed: 0,
  });
const CONFIG = JSON.stringify({ max_workers: 3, poll_interval: 30 });

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

async function flatLayout(home: string, sessionsOf = "acme/web"): Promise<Record<string, string>> {
  const files = {
    "state.json": STATE,
    "events.jsonl": EVENTS,
    "sessions.jsonl": `${session(sessionsOf)}\n`,
    "config.json": CONFIG,
    "plans/issue-1.md": "the plan",
  };
  for (const [name, content] of Object.entries(files)) await put(join(home, name), content);
  return files;
}

function adopt(home: string, slug = "acme-web", repo = "acme/web") {
  return adoptLegacyLayout({ sharedHome: home, dataRoot: join(home, slug), slug, repo, clock, signal });
}

/** Returns the text of every file beneath, by its path. */
async function contents(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return new Map(
    await Promise.all(
      files.map(
        async (path): Promise<[string, string]> => [path.slice(directory.length + 1), await readFile(path, "utf8")],
      ),
    ),
  );
}

describe("the flat layout of the first implementation", () => {
  it("is moved whole into the data root of its repository, byte by byte", async () => {
    await using directory = await makeTemporaryDirectory();
    const files = await flatLayout(directory.path);

    const { moved } = await adopt(directory.path);

    const now = await contents(directory.path);
    for (const [name, content] of Object.entries(files)) {
      expect(now.get(`acme-web/legacy/${name}`), name).toBe(content);
      expect(now.has(name), name).toBe(false);
    }
    expect(moved).toHaveLength(5);
  });

  it("goes to one owner: whoever comes later gets nothing, now or at the next start", async () => {
    await using directory = await makeTemporaryDirectory();
    await flatLayout(directory.path, "other/thing");
    await writeFile(directory.file("sessions.jsonl"), "");

    const first = await adopt(directory.path, "acme-web", "acme/web");
    await put(directory.file("state.json"), STATE);
    const second = await adopt(directory.path, "acme-api", "acme/api");

    expect(first.moved.length).toBeGreaterThan(0);
    expect(second.moved).toEqual([]);
    expect(await readFile(directory.file("state.json"), "utf8")).toBe(STATE);
    expect(JSON.parse(await readFile(directory.file("legacy-adopted.json"), "utf8"))).toMatchObject({
      slug: "acme-web",
      repo: "acme/web",
    });
  });

  it("goes to the repository that its own files name, not to the first to come", async () => {
    await using directory = await makeTemporaryDirectory();
    await flatLayout(directory.path, "Acme/Web");

    const stranger = await adopt(directory.path, "acme-api", "acme/api");
    const owner = await adopt(directory.path, "acme-web", "acme/web");

    expect(stranger.moved).toEqual([]);
    expect(owner.moved).toHaveLength(5);
  });

  it("goes to exactly one of many workers that start at the same time", async () => {
    await using directory = await makeTemporaryDirectory();
    await put(directory.file("state.json"), STATE);
    await put(directory.file("events.jsonl"), EVENTS);
    const slugs = ["acme-a", "acme-b", "acme-c", "acme-d"];

    const results = await Promise.all(
      slugs.map((slug) =>
        adoptLegacyLayout({
          sharedHome: directory.path,
          dataRoot: directory.file(slug),
          slug,
          repo: slug.replace("-", "/"),
          clock: systemClock,
          signal,
        }),
      ),
    );

    expect(results.filter(({ moved }) => moved.length > 0)).toHaveLength(1);
    const winner = results.findIndex(({ moved }) => moved.length > 0);
    expect(results[winner]?.moved).toHaveLength(2);
    expect(JSON.parse(await readFile(directory.file("legacy-adopted.json"), "utf8"))).toMatchObject({
      slug: slugs[winner],
    });
  });

  it("is finished by its owner after a start that ended in the middle, and a second time changes nothing", async () => {
    await using directory = await makeTemporaryDirectory();
    await flatLayout(directory.path);
    await put(directory.file("acme-web", "legacy", "state.json"), "moved before the crash");
    await put(directory.file("legacy-adopted.json"), JSON.stringify({ slug: "acme-web" }));

    const finished = await adopt(directory.path);
    const after = await contents(directory.path);
    const again = await adopt(directory.path);

    expect(finished.moved).toHaveLength(5);
    expect(after.get("acme-web/legacy/state.json")).toBe("moved before the crash");
    expect(after.get("acme-web/legacy/state.json.1")).toBe(STATE);
    expect(again.moved).toEqual([]);
    expect(await contents(directory.path)).toEqual(after);
  });

  it("carries the runs of this repository on in its own record", async () => {
    await using directory = await makeTemporaryDirectory();
    await flatLayout(directory.path);
    await put(directory.file("sessions.jsonl"), `${session("acme/web")}\n${session("acme/api")}\n`);

    await adopt(directory.path);
    await adopt(directory.path);
    await using log = await SessionLog.open(directory.file("acme-web", "sessions.jsonl"), {
      repo: "acme-web",
      boot: "b1",
      clock,
    });

    expect(log.list().map(({ id, repo, boot }) => [id, repo, boot])).toEqual([
      [log.current.id, "acme-web", "b1"],
      ["acme/web-1", "acme-web", null],
    ]);
  });

  it("waits for another worker that adopts, and fails the start when that one never ends", async () => {
    await using directory = await makeTemporaryDirectory();
    await flatLayout(directory.path);
    const lock = await takeKernelLock(directory.file("legacy-adoption.lock"), 0, () => Promise.resolve());
    if (!lock.ok) throw new Error("the lock is free");
    using _ = lock.value;

    const waiting = adoptLegacyLayout({
      sharedHome: directory.path,
      dataRoot: directory.file("acme-web"),
      slug: "acme-web",
      repo: "acme/web",
      clock: { now: () => clock.now(), monotonicMs: () => 0, sleep: () => Promise.resolve() },
      signal,
    });

    await expect(waiting).rejects.toMatchObject({ code: "LEGACY_LOCKED", exitCode: 75 });
    expect(await readFile(directory.file("state.json"), "utf8")).toBe(STATE);
  });
});

describe("a home without the flat layout", () => {
  it("keeps everything: the supervisor's own files, and a configuration that is ours", async () => {
    await using directory = await makeTemporaryDirectory();
    await put(directory.file("supervisor-state.json"), '{"schema":1,"checksum":"x"}');
    await put(directory.file("config.json"), '{"tcpPort":0}');
    await put(directory.file("logs", "supervisor.log"), "log");
    await put(directory.file("memory", "note"), "somebody's");
    const before = await contents(directory.path);

    const { moved } = await adopt(directory.path);

    expect(moved).toEqual([]);
    expect(await contents(directory.path)).toEqual(before);
  });

  it("keeps our own files in the data root, also when they are damaged", async () => {
    await using directory = await makeTemporaryDirectory();
    const dataRoot = directory.file("acme-web");
    const state = await StateTracker.open(join(dataRoot, "state.json"), clock);
    await state[Symbol.asyncDispose]();
    const log = await SessionLog.open(join(dataRoot, "sessions.jsonl"), { repo: "acme-web", boot: "b", clock });
    await log[Symbol.asyncDispose]();
    await put(join(dataRoot, "events.jsonl"), '{"_seq":1,"_crc":"00000000","type":"x"}\n');
    await put(join(dataRoot, "config.json"), "{ damaged");
    const before = await contents(directory.path);

    const { moved } = await adopt(directory.path);

    expect(moved).toEqual([]);
    expect(await contents(directory.path)).toEqual(before);
  });
});

describe("a data root of the first implementation", () => {
  it("has its files set aside, those nested under the slug a second time too", async () => {
    await using directory = await makeTemporaryDirectory();
    await put(directory.file("acme-web", "events.jsonl"), EVENTS);
    await put(directory.file("acme-web", "Acme-Web", "state.json"), STATE);

    const { moved } = await adopt(directory.path);
    await using state = await StateTracker.open(directory.file("acme-web", "state.json"), clock);

    expect(moved.map((path) => path.slice(directory.path.length + 1)).toSorted()).toEqual([
      "acme-web/legacy/events.jsonl",
      "acme-web/legacy/state.json",
    ]);
    expect(state.degraded).toBeNull();
  });
});
