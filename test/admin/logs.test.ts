import { once } from "node:events";
import { appendFile, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FOLLOWERS_MAX, LINES_MAX } from "../../src/admin/repositories/log-routes.ts";
import { BLOCK_BYTES, tailLog } from "../../src/admin/repositories/log-tail.ts";
import { systemClock } from "../../src/core/base/clock.ts";
import { openLog } from "../../src/core/logs/log.ts";
import { Redactor } from "../../src/core/logs/redact.ts";
import { ask, askJson, BEARER, type Door, openDoor } from "./door.ts";

let door: Door;
let file: string;

beforeEach(async () => {
  door = await openDoor();
  door.control.put("acme-web", "running");
  file = join(door.directory, "acme-web.log");
});

afterEach(() => door[Symbol.asyncDispose]());

const LOGS = "/api/repos/acme-web/logs";

function lines(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `{"n":${from + index}}`);
}

function textFor(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}

interface Follower {
  readonly answer: IncomingMessage;
  next(): Promise<string>;
  leave(): void;
}

async function follow(path: string): Promise<Follower> {
  const outgoing = request({ host: "127.0.0.1", port: door.port, path, headers: BEARER, agent: false });
  outgoing.on("error", () => undefined);
  outgoing.end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  answer.on("error", () => undefined);
  const read = createInterface(answer)[Symbol.asyncIterator]();
  return {
    answer,
    next: async () => String((await read.next()).value),
    leave: () => void outgoing.destroy(),
  };
}

describe("the end of a log", () => {
  it.each([
    ["", lines(150, 250)],
    ["?tail=3", lines(247, 250)],
    ["?tail=0", []],
    ["?tail=250", lines(0, 250)],
    ["?tail=9000", lines(0, 250)],
  ])("is answered for %j", async (query, expected) => {
    await writeFile(file, textFor(lines(0, 250)));

    const answer = await ask(door.port, `${LOGS}${query}`);

    expect(answer.headers["content-type"]).toBe("application/x-ndjson");
    expect(answer.text).toBe(textFor(expected));
  });

  it("is found in a file of many blocks, whatever lies on their borders", async () => {
    const all = Array.from({ length: 40_000 }, (_, n) => JSON.stringify({ n, pad: "x".repeat(n % 61) }));
    await writeFile(file, textFor(all));

    const some = await ask(door.port, `${LOGS}?tail=5000`);
    const most = await ask(door.port, `${LOGS}?tail=999999`);

    expect(some.text).toBe(textFor(all.slice(-5_000)));
    expect(most.text).toBe(textFor(all.slice(-LINES_MAX)));
  });

  it("is found when one line is exactly a block long, or longer than one", async () => {
    const all = ["a".repeat(BLOCK_BYTES - 1), "b".repeat(BLOCK_BYTES), "c".repeat(3 * BLOCK_BYTES + 7), "d"];
    await writeFile(file, textFor(all));

    const answers = await Promise.all([1, 2, 3, 4].map((count) => ask(door.port, `${LOGS}?tail=${count}`)));

    expect(answers.map(({ text }) => text)).toEqual([1, 2, 3, 4].map((count) => textFor(all.slice(-count))));
  });

  it("leaves out a line that is still being written", async () => {
    await writeFile(file, `${textFor(lines(0, 2))}{"n":`);

    const answer = await ask(door.port, `${LOGS}?tail=10`);

    expect(answer.text).toBe(textFor(lines(0, 2)));
  });

  it("is empty while there is no log", async () => {
    const answer = await ask(door.port, LOGS);

    expect([answer.status, answer.text]).toEqual([200, ""]);
  });

  it("of the supervisor has its own address", async () => {
    await writeFile(join(door.directory, "supervisor.log"), textFor(lines(0, 5)));

    const answer = await ask(door.port, "/api/logs?tail=2");

    expect(answer.text).toBe(textFor(lines(3, 5)));
  });

  it("is never read through a symbolic link", async () => {
    await writeFile(join(door.directory, "other"), "private\n");
    await symlink(join(door.directory, "other"), file);

    const answer = ask(door.port, `${LOGS}?tail=10`);

    await expect(answer).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(door.records).toContainEqual(expect.objectContaining({ message: "admin.answer-cut" }));
  });

  it("of an unknown repository is a problem", async () => {
    const answer = await askJson(door.port, "/api/repos/acme-none/logs");

    expect(answer).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  it.each(["tail=-1", "tail=1e3", "tail=", "follow=yes", "tail=9999999"])("is refused for %s", async (query) => {
    const answer = await askJson(door.port, `${LOGS}?${query}`);

    expect(answer).toMatchObject({ status: 400, body: { code: "bad_request" } });
  });
});

describe("following a log", () => {
  it("starts with the last lines and goes on with what is written", async () => {
    await writeFile(file, textFor(lines(0, 10)));
    const follower = await follow(`${LOGS}?tail=1&follow=1`);
    const first = await follower.next();

    await appendFile(file, '{"n":10}\n{"n":');
    const second = await follower.next();
    await appendFile(file, "11}\n");
    const third = await follower.next();

    expect([first, second, third]).toEqual(['{"n":9}', '{"n":10}', '{"n":11}']);
    follower.leave();
  });

  it("waits for a log that does not exist yet", async () => {
    const follower = await follow(`${LOGS}?follow=true`);

    await writeFile(file, textFor(lines(0, 1)));

    expect(await follower.next()).toBe('{"n":0}');
    follower.leave();
  });

  it("loses nothing over a rotation by rename", async () => {
    await writeFile(file, textFor(lines(0, 1)));
    const follower = await follow(`${LOGS}?follow=1`);
    await follower.next();

    await appendFile(file, textFor(lines(1, 500)));
    await rename(file, `${file}.1`);
    await appendFile(`${file}.1`, textFor(lines(500, 501)));
    await writeFile(file, textFor(lines(501, 1_000)));

    const read: string[] = [];
    while (read.length < 999) read.push(await follower.next());
    expect(read).toEqual(lines(1, 1_000));
    follower.leave();
  });

  it("loses nothing of our own rotating log", async () => {
    const log = openLog({ file, bytesMax: 65_536, filesMax: 3, redactor: new Redactor(), fields: {} });
    log.write("info", "record", { n: 0 });
    const follower = await follow(`${LOGS}?follow=1`);
    const seen: unknown[] = [(JSON.parse(await follower.next()) as { n: unknown }).n];

    // Written at the reader's pace: a reader that is slower than two rotations may miss what was deleted meanwhile.
    for (let n = 1; n <= 300; n += 1) {
      log.write("info", "record", { n, pad: "x".repeat(1_000) });
      if (n % 50 !== 0) continue;
      while (seen.length <= n) seen.push((JSON.parse(await follower.next()) as { n: unknown }).n);
    }

    expect(seen).toEqual(Array.from({ length: 301 }, (_, n) => n));
    follower.leave();
    await log[Symbol.asyncDispose]();
  });

  it("starts over when the file was emptied in place", async () => {
    await writeFile(file, textFor(lines(0, 3)));
    const follower = await follow(`${LOGS}?tail=1&follow=1`);
    await follower.next();

    await truncate(file);
    await appendFile(file, textFor(lines(7, 8)));

    expect(await follower.next()).toBe('{"n":7}');
    follower.leave();
  });

  it("ends when the door closes", async () => {
    await writeFile(file, textFor(lines(0, 1)));
    const follower = await follow(`${LOGS}?follow=1`);
    await follower.next();
    const ended = once(follower.answer, "close");

    await door.close();

    await ended;
    expect(follower.answer.complete).toBe(true);
  });

  it("is open to a bounded number of clients, and a client that leaves makes room", async () => {
    await writeFile(file, textFor(lines(0, 1)));
    const followers: Follower[] = [];
    for (let count = 0; count < FOLLOWERS_MAX; count += 1) {
      const follower = await follow(`${LOGS}?follow=1`);
      await follower.next();
      followers.push(follower);
    }

    const refused = await askJson(door.port, `${LOGS}?follow=1`);
    followers.pop()?.leave();

    expect(refused).toMatchObject({ status: 429, body: { code: "too_many" } });
    await expect.poll(() => statusOf(`${LOGS}?follow=1`), { timeout: 60_000 }).toBe(200);
    for (const follower of followers) follower.leave();
  });

  it("reads no further than the client takes", async () => {
    await writeFile(file, textFor(Array.from({ length: 1_000 }, () => "x".repeat(1_000))));
    const chunks = tailLog({ file, lines: 1_000, follow: false, clock: systemClock }, new AbortController().signal);

    const first = await chunks.next();
    await truncate(file, 0);
    const second = await chunks.next();

    expect(first.value?.length).toBeLessThanOrEqual(BLOCK_BYTES);
    expect(second.done).toBe(true);
  });
});

async function statusOf(path: string): Promise<number | undefined> {
  const follower = await follow(path);
  follower.leave();
  return follower.answer.statusCode;
}
