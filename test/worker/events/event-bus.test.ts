import { appendFile, readFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import type { Log } from "../../../src/core/logs/log.ts";
import { Redactor } from "../../../src/core/logs/redact.ts";
import { EventBus } from "../../../src/worker/events/event-bus.ts";
import { QUEUE_LENGTH_MAX } from "../../../src/worker/events/event-queue.ts";
import type { RecordedEvent, WorkerEvent } from "../../../src/worker/events/event.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const clock = new ManualClock();
const { signal: never } = new AbortController();

class MemoryLog implements Log {
  readonly lines: { level: string; message: string; fields: unknown }[] = [];
  write(level: string, message: string, fields: unknown = {}): void {
    this.lines.push({ level, message, fields });
  }
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function openBus(
  file: string,
  boot = "boot-1",
  options: { log?: Log; secrets?: string[]; bytesMax?: number } = {},
): Promise<EventBus> {
  const { log = new MemoryLog(), secrets = [], bytesMax = 10_485_760 } = options;
  return EventBus.open({ file, bytesMax, repo: "acme-web", boot, log, redactor: new Redactor(secrets), clock });
}

function released(issue: number): WorkerEvent {
  return { type: "issue.released", issue };
}

function idsOf(events: readonly RecordedEvent[]): string[] {
  return events.map(({ boot, id }) => `${boot}:${id}`);
}

describe("the event bus", () => {
  it("numbers events within a boot and names repository, boot and time", async () => {
    await using directory = await makeTemporaryDirectory();
    await using bus = await openBus(directory.file("events.jsonl"));

    bus.emit(released(1));
    bus.emit(released(2));

    expect(bus.recent(10)).toEqual([
      { type: "issue.released", issue: 1, id: 1, boot: "boot-1", repo: "acme-web", at: clock.now().toISOString() },
      { type: "issue.released", issue: 2, id: 2, boot: "boot-1", repo: "acme-web", at: clock.now().toISOString() },
    ]);
  });

  it("finds the events of earlier boots again and answers cursors of any boot", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("events.jsonl");
    const first = await openBus(file, "boot-1");
    for (let issue = 1; issue <= 3; issue += 1) first.emit(released(issue));
    await first[Symbol.asyncDispose]();
    await using bus = await openBus(file, "boot-2");
    bus.emit(released(4));

    expect(idsOf(bus.since(null, 100))).toEqual(["boot-1:1", "boot-1:2", "boot-1:3", "boot-2:1"]);
    expect(idsOf(bus.since({ boot: "boot-1", id: 2 }, 100))).toEqual(["boot-1:3", "boot-2:1"]);
    expect(idsOf(bus.since({ boot: "boot-2", id: 1 }, 100))).toEqual([]);
    expect(idsOf(bus.since({ boot: "boot-0", id: 7 }, 2))).toEqual(["boot-1:1", "boot-1:2"]);
    expect(idsOf(bus.recent(2))).toEqual(["boot-1:3", "boot-2:1"]);
  });

  it("holds the newest five thousand in memory and its file within the bound, under load", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("events.jsonl");
    const bus = await openBus(file, "boot-1", { bytesMax: 200_000 });

    for (let round = 0; round < 12; round += 1) {
      for (let n = 0; n < 1_000; n += 1) bus.emit(released(n));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const kept = bus.since(null, 100_000);
    await bus[Symbol.asyncDispose]();

    expect(kept).toHaveLength(5_000);
    expect(kept.at(-1)?.id).toBe(12_000);
    expect((await readFile(file)).length).toBeLessThanOrEqual(200_000);
    expect(bus.dropped).toBeLessThan(12_000);
  });

  it("writes each event to the log as a static message with fields", async () => {
    await using directory = await makeTemporaryDirectory();
    const log = new MemoryLog();
    await using bus = await openBus(directory.file("events.jsonl"), "boot-1", { log });

    bus.emit(released(7));
    bus.emit({ type: "github.failed", request: "list issues", status: 502, message: "bad gateway" });
    bus.emit({ type: "agent.said", issue: 7, run: "r", text: "hello" });

    expect(log.lines).toEqual([
      { level: "info", message: "issue.released", fields: { issue: 7 } },
      {
        level: "warn",
        message: "github.failed",
        fields: { request: "list issues", status: 502, message: "bad gateway" },
      },
      { level: "debug", message: "agent.said", fields: { issue: 7, run: "r", text: "hello" } },
    ]);
  });

  it("lets no secret into the stream, the file or the log, and no text without end", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("events.jsonl");
    const log = new MemoryLog();
    const secret = "s3cret-value-of-a-token";
    const bus = await openBus(file, "boot-1", { log, secrets: [secret] });

    bus.emit({ type: "agent.said", issue: 7, run: "r", text: `the token is ${secret}, ${"x".repeat(100_000)}` });
    const [event] = bus.recent(1);
    await bus[Symbol.asyncDispose]();

    const everything = JSON.stringify([event, log.lines, await readFile(file, "utf8")]);
    expect(everything).not.toContain(secret);
    expect(everything).toContain("[redacted]");
    expect(everything.length).toBeLessThan(20_000);
  });

  it("says that records of the file were damaged and keeps the others", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("events.jsonl");
    const first = await openBus(file);
    first.emit(released(1));
    await first[Symbol.asyncDispose]();
    await appendFile(file, "damage\n");
    const log = new MemoryLog();

    await using bus = await openBus(file, "boot-2", { log });

    expect(log.lines).toMatchObject([{ level: "warn", message: "events.damaged", fields: { damagedLines: 1 } }]);
    expect(idsOf(bus.recent(9))).toEqual(["boot-1:1"]);
  });

  it("goes on when the disk takes nothing, and says how much is missing", async () => {
    await using directory = await makeTemporaryDirectory();
    const log = new MemoryLog();
    const bus = await openBus(directory.file("events.jsonl"), "boot-1", { log });
    await bus[Symbol.asyncDispose]();

    for (let n = 1; n <= 5; n += 1) bus.emit(released(n));
    while (bus.dropped < 5) await new Promise((resolve) => setImmediate(resolve));

    expect(bus.recent(5)).toHaveLength(5);
    expect(log.lines.filter(({ message }) => message === "events.dropped").map(({ fields }) => fields)).toMatchObject([
      { dropped: 1 },
      { dropped: 2 },
      { dropped: 4 },
    ]);
  });
});

describe("a reader of the stream", () => {
  it("gets every event from its subscription on, in order", async () => {
    await using directory = await makeTemporaryDirectory();
    await using bus = await openBus(directory.file("events.jsonl"));
    bus.emit(released(1));
    const events = bus.subscribe(never)[Symbol.asyncIterator]();

    bus.emit(released(2));
    bus.emit(released(3));
    const [second, third] = [await events.next(), await events.next()];
    const waiting = events.next();
    bus.emit(released(4));

    expect([second.value?.id, third.value?.id, (await waiting).value?.id]).toEqual([2, 3, 4]);
  });

  it("that has not read yet counts in the backlog until it has", async () => {
    await using directory = await makeTemporaryDirectory();
    await using bus = await openBus(directory.file("events.jsonl"));
    expect(bus.backlog).toEqual({ readers: 0, unread: 0 });
    const reader = bus.subscribe(never)[Symbol.asyncIterator]();
    for (let n = 1; n <= 3; n += 1) bus.emit(released(n));

    expect(bus.backlog).toEqual({ readers: 1, unread: 3 });
    await reader.next();
    await reader.next();
    expect(bus.backlog).toEqual({ readers: 1, unread: 2 });
  });

  it("that falls behind gets what was queued, then one gap, and is ended, while others miss nothing", async () => {
    await using directory = await makeTemporaryDirectory();
    await using bus = await openBus(directory.file("events.jsonl"));
    const slow = bus.subscribe(never);
    const others: number[] = [];
    const controller = new AbortController();
    const other = (async () => {
      for await (const event of bus.subscribe(controller.signal)) {
        others.push(event.id);
        if (event.id === QUEUE_LENGTH_MAX + 500) controller.abort();
      }
    })();

    for (let n = 1; n <= QUEUE_LENGTH_MAX + 500; n += 1) {
      bus.emit(released(n));
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await other;

    const got: number[] = [];
    const reading = (async () => {
      for await (const event of slow) got.push(event.id);
    })();
    await expect(reading).rejects.toMatchObject({ code: "EVENT_GAP" });
    expect(got).toEqual(Array.from({ length: QUEUE_LENGTH_MAX }, (_, index) => index + 1));
    expect(others).toEqual(Array.from({ length: QUEUE_LENGTH_MAX + 500 }, (_, index) => index + 1));
    expect(bus.since({ boot: "boot-1", id: got.at(-1) ?? 0 }, 1)[0]?.id).toBe(QUEUE_LENGTH_MAX + 1);
  });

  it("ends when its signal aborts, also while it waits or when it was aborted before", async () => {
    await using directory = await makeTemporaryDirectory();
    await using bus = await openBus(directory.file("events.jsonl"));
    const controller = new AbortController();
    const waiting = bus.subscribe(controller.signal)[Symbol.asyncIterator]().next();

    controller.abort();

    expect((await waiting).done).toBe(true);
    expect((await bus.subscribe(AbortSignal.abort())[Symbol.asyncIterator]().next()).done).toBe(true);
  });

  it("ends when the bus ends", async () => {
    await using directory = await makeTemporaryDirectory();
    const bus = await openBus(directory.file("events.jsonl"));
    const waiting = bus.subscribe(never)[Symbol.asyncIterator]().next();

    await bus[Symbol.asyncDispose]();

    expect((await waiting).done).toBe(true);
  });

  it("leaves nothing behind when it breaks off, however many come and go", async () => {
    await using directory = await makeTemporaryDirectory();
    await using bus = await openBus(directory.file("events.jsonl"));

    for (let n = 0; n < 1_500; n += 1) {
      const events = bus.subscribe(never);
      bus.emit(released(n));
      for await (const _ of events) break;
    }

    expect(() => bus.subscribe(never)).not.toThrow();
  });
});
