import { readFile, writeFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { type Session, SessionLog } from "../../../src/worker/state/session-log.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

async function lines(file: string): Promise<Session[]> {
  return (await readFile(file, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Session);
}

describe("the session log", () => {
  it("holds one record per run, discriminated by repo, that counts its issues", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("sessions.jsonl");
    const clock = new ManualClock();
    const log = await SessionLog.open(file, { repo: "acme-web", boot: "b1", clock });

    await log.note(7, "succeeded");
    await log.note(8, "failed");
    await log.note(7, "succeeded");
    const whileActive = await lines(file);
    await clock.advance(60_000);
    await log[Symbol.asyncDispose]();

    expect(whileActive).toMatchObject([{ repo: "acme-web", status: "active", ended_at: null }]);
    expect(await lines(file)).toEqual([
      {
        id: log.current.id,
        repo: "acme-web",
        boot: "b1",
        started_at: "2026-03-01T12:00:00.000Z",
        ended_at: "2026-03-01T12:01:00.000Z",
        status: "completed",
        issues_processed: [8, 7],
        issues_succeeded: 2,
        issues_failed: 1,
      },
    ]);
  });

  it("closes a run that never ended as interrupted when the next one starts", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("sessions.jsonl");
    const clock = new ManualClock();
    const killed = await SessionLog.open(file, { repo: "acme-web", boot: "b1", clock });
    await clock.advance(1_000);

    await using next = await SessionLog.open(file, { repo: "acme-web", boot: "b2", clock });

    expect(next.list().map(({ boot, status, ended_at }) => ({ boot, status, ended_at }))).toEqual([
      { boot: "b2", status: "active", ended_at: null },
      { boot: "b1", status: "interrupted", ended_at: "2026-03-01T12:00:01.000Z" },
    ]);
    expect(killed.current.id).not.toBe(next.current.id);
  });

  it("keeps the newest fifty runs", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("sessions.jsonl");
    const clock = new ManualClock();

    for (let boot = 1; boot <= 60; boot += 1) {
      const log = await SessionLog.open(file, { repo: "acme-web", boot: `b${boot}`, clock });
      await log[Symbol.asyncDispose]();
    }

    const kept = await lines(file);
    expect(kept.map(({ boot }) => boot)).toEqual(Array.from({ length: 50 }, (_, index) => `b${index + 11}`));
    expect(new Set(kept.map(({ id }) => id)).size).toBe(50);
  });

  it("loses no note of many that come together", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("sessions.jsonl");
    await using log = await SessionLog.open(file, { repo: "acme-web", boot: "b1", clock: new ManualClock() });

    await Promise.all(Array.from({ length: 50 }, (_, issue) => log.note(issue + 1, "succeeded")));

    expect((await lines(file))[0]).toMatchObject({ issues_succeeded: 50 });
  });

  it("reads records of the first implementation, where the last line of an id wins, and keeps what it cannot read", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("sessions.jsonl");
    const old = {
      id: "acme-web-20260101T000000",
      repo: "acme/web",
      started_at: "2026-01-01T00:00:00Z",
      issues_processed: [3],
      issues_succeeded: 1,
      issues_failed: 0,
    };
    const text = [
      { ...old, status: "active" },
      { ...old, status: "completed", ended_at: "2026-01-01T01:00:00Z" },
    ].map((each) => JSON.stringify(each));
    await writeFile(file, `${text.join("\n")}\nnot json\n`);

    await using log = await SessionLog.open(file, { repo: "acme-web", boot: "b1", clock: new ManualClock() });

    expect(log.list()[1]).toEqual({ ...old, status: "completed", ended_at: "2026-01-01T01:00:00Z", boot: null });
    expect(log.list()).toHaveLength(2);
    expect(await readFile(`${file}.damaged`, "utf8")).toBe("not json\n");
  });
});
