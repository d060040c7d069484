import { readFile, stat, truncate, writeFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { ok } from "../../../src/core/base/result.ts";
import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { commentOnce } from "../../../src/worker/issues/issue-comment.ts";
import { Journal } from "../../../src/worker/state/journal.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { Crash, forbidden, unreachable } from "../../support/memory-fault.ts";
import { MemoryGitHub } from "../../support/memory-github.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
const clock = new ManualClock();
const KEY = "1.1/comment/plan";

/** Does what a worker does after every start: it opens the journal and sees to it that the comment stands. */
async function runOnce(
  path: string,
  world: MemoryGitHub,
  prepare: (client: ReturnType<MemoryGitHub["connect"]>) => void = () => undefined,
) {
  await using journal = await Journal.open(path, clock);
  const client = world.connect();
  prepare(client);
  return await postPlan(client, journal);
}

function postPlan(github: GitHub, journal: Journal) {
  return commentOnce({ github, journal, number: 1, key: KEY, run: "run-1", body: "The plan." }, signal);
}

function newWorld(): MemoryGitHub {
  const world = new MemoryGitHub();
  world.addIssue();
  return world;
}

describe("an effect of the journal", () => {
  it.each(["before", "after"] as const)(
    "happens exactly once when the process ends %s any call of it",
    async (when) => {
      let crashes = 0;
      for (let at = 1; at <= 10; at += 1) {
        await using directory = await makeTemporaryDirectory();
        const world = newWorld();

        const first = runOnce(directory.file("journal.jsonl"), world, (client) =>
          client.inject({ at, when, how: "crash" }),
        );
        if (
          await first.then(
            () => false,
            (error) => error instanceof Crash,
          )
        )
          crashes += 1;
        const second = await runOnce(directory.file("journal.jsonl"), world);

        expect(second.ok).toBe(true);
        expect(world.effects("createComment", 1), `crash ${when} call ${at}`).toHaveLength(1);
      }
      expect(crashes).toBe(1);
    },
  );

  it.each(["before", "after"] as const)(
    "happens exactly once when the process also ends %s any call of the recovery",
    async (when) => {
      let crashes = 0;
      for (let at = 1; at <= 10; at += 1) {
        await using directory = await makeTemporaryDirectory();
        const path = directory.file("journal.jsonl");
        const world = newWorld();
        await runOnce(path, world, (client) => client.inject({ at: 1, when: "after", how: "crash" })).catch(
          () => undefined,
        );

        const recovery = runOnce(path, world, (client) => client.inject({ at, when, how: "crash" }));
        if (
          await recovery.then(
            () => false,
            (error) => error instanceof Crash,
          )
        )
          crashes += 1;
        const last = await runOnce(path, world);

        expect(last.ok).toBe(true);
        expect(world.effects("createComment", 1), `crash ${when} call ${at}`).toHaveLength(1);
      }
      expect(crashes).toBe(2);
    },
  );

  it("happens exactly once when the record of its result is cut at any byte", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const world = newWorld();
    await runOnce(path, world);
    const whole = await readFile(path);
    const resultStart = whole.subarray(0, -1).lastIndexOf(0x0a) + 1;

    for (let length = resultStart; length < whole.length; length += 1) {
      await writeFile(path, whole.subarray(0, length));
      const again = await runOnce(path, world);
      expect(again.ok && again.value.id).toBe(world.commentsOf(1)[0]?.id);
    }

    expect(world.effects("createComment", 1)).toHaveLength(1);
  });

  it("is answered from the record, without a call, once its result is known", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const world = newWorld();
    const first = await runOnce(path, world);
    await using journal = await Journal.open(path, clock);
    const client = world.connect();

    const second = await postPlan(client, journal);

    expect(second).toEqual(first);
    expect(client.calls).toEqual([]);
  });

  it("stays open after a failure that may have had an effect, and is looked up before the next attempt", async () => {
    await using directory = await makeTemporaryDirectory();
    await using journal = await Journal.open(directory.file("journal.jsonl"), clock);
    const world = newWorld();
    const client = world.connect();
    client.inject({ at: 1, when: "after", how: unreachable("the answer was lost") });

    const first = await postPlan(client, journal);
    const open = journal.pending();
    const second = await postPlan(client, journal);

    expect(first.ok).toBe(false);
    expect(open).toEqual([{ key: KEY, at: clock.now().toISOString() }]);
    expect(second.ok).toBe(true);
    expect(world.effects("createComment", 1)).toHaveLength(1);
    expect(journal.pending()).toEqual([]);
  });

  it("frees its key after a refusal that surely had no effect", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const world = newWorld();

    const refused = await runOnce(path, world, (client) => client.inject({ at: 1, when: "before", how: forbidden() }));
    await using journal = await Journal.open(path, clock);
    const pending = journal.pending();
    const client = world.connect();
    const again = await postPlan(client, journal);

    expect(refused.ok).toBe(false);
    expect(pending).toEqual([]);
    expect(again.ok).toBe(true);
    expect(client.calls.map(({ method }) => method)).toEqual(["createComment"]);
  });

  it("does nothing while a lookup fails", async () => {
    await using directory = await makeTemporaryDirectory();
    await using journal = await Journal.open(directory.file("journal.jsonl"), clock);
    const world = newWorld();
    const client = world.connect();
    client.inject({ at: 1, when: "after", how: unreachable() });
    client.inject({ at: 2, when: "before", how: unreachable("still away") });

    await postPlan(client, journal);
    const second = await postPlan(client, journal);

    expect(second).toMatchObject({ ok: false, failure: { message: "still away" } });
    expect(journal.pending()).toHaveLength(1);
    expect(world.effects("createComment", 1)).toHaveLength(1);
  });

  it("runs once when two callers ask for the same key at the same time", async () => {
    await using directory = await makeTemporaryDirectory();
    await using journal = await Journal.open(directory.file("journal.jsonl"), clock);
    const world = newWorld();
    const client = world.connect();

    const results = await Promise.all([1, 2, 3].map(() => postPlan(client, journal)));

    expect(new Set(results.map((result) => result.ok && result.value.id)).size).toBe(1);
    expect(world.effects("createComment", 1)).toHaveLength(1);
  });

  it("looks before the first attempt too when it is told to", async () => {
    await using directory = await makeTemporaryDirectory();
    await using journal = await Journal.open(directory.file("journal.jsonl"), clock);
    let acted = 0;
    const act = () => {
      acted += 1;
      return Promise.resolve(ok("made"));
    };

    const result = await journal.effect(
      "1.1/pull/x",
      { look: () => Promise.resolve(ok("was there")), act, alwaysLook: true },
      signal,
    );

    expect(result).toEqual(ok("was there"));
    expect(acted).toBe(0);
  });

  it("looks first for every key once damage may have taken an intent", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const world = newWorld();
    await runOnce(path, world);
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replaceAll("intent", "imtent").replaceAll("result", "resulT"));

    const again = await runOnce(path, world);
    await using journal = await Journal.open(path, clock);

    expect(again.ok).toBe(true);
    expect(world.effects("createComment", 1)).toHaveLength(1);
    expect(journal.degraded).toContain("journal.jsonl.damaged");
  });
});

describe("the journal", () => {
  it("names the highest cycle of an issue and not that of another one whose number starts alike", async () => {
    await using directory = await makeTemporaryDirectory();
    await using journal = await Journal.open(directory.file("journal.jsonl"), clock);
    const steps = { look: () => Promise.resolve(ok(null)), act: () => Promise.resolve(ok(1)) };

    for (const key of ["4.1/merge/x", "4.3/merge/x", "42.9/merge/x"]) await journal.effect(key, steps, signal);

    expect([journal.lastCycle(4), journal.lastCycle(42), journal.lastCycle(2)]).toEqual([3, 9, 0]);
  });

  it("keeps open intents and the results of unfinished issues when it is compacted", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const journal = await Journal.open(path, clock, { mayForget: (issue) => issue !== 7 });
    const act = (value: string) => ({ look: () => Promise.resolve(ok(null)), act: () => Promise.resolve(ok(value)) });
    const crash = { look: () => Promise.resolve(ok(null)), act: () => Promise.reject(new Crash()) };
    await journal.effect("7.1/comment/plan", act("kept"), signal);
    await journal.effect("8.1/merge/x", crash, signal).catch(() => undefined);
    await journal.effect("9.1/comment/plan", act("forgotten"), signal);

    for (let n = 0; n < 200; n += 1) await journal.effect(`10.${n}/comment/x`, act("x".repeat(100_000)), signal);
    await journal[Symbol.asyncDispose]();

    expect((await stat(path)).size).toBeLessThan(16_777_216);
    await using reopened = await Journal.open(path, clock);
    expect(reopened.pending().map(({ key }) => key)).toEqual(["8.1/merge/x"]);
    expect(reopened.keys("7.")).toEqual(["7.1/comment/plan"]);
    expect(reopened.keys("9.")).toEqual([]);
    expect(reopened.keys("10.199/")).toEqual(["10.199/comment/x"]);
  });

  it("forgets what ended issues did, in memory and on disk, but not their cycles nor anything of the others", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const journal = await Journal.open(path, clock, { mayForget: (issue) => issue !== 7 });
    const steps = { look: () => Promise.resolve(ok(null)), act: () => Promise.resolve(ok("x".repeat(200))) };
    const crash = { look: () => Promise.resolve(ok(null)), act: () => Promise.reject(new Crash()) };
    await journal.effect("7.1/comment/plan", steps, signal);
    await journal.effect("8.1/merge/x", crash, signal).catch(() => undefined);

    for (let issue = 10; issue < 80; issue += 1) {
      const keys = Array.from({ length: 20 }, (_, index) => `${issue}.${index < 10 ? 1 : 3}/comment/${index}`);
      await Promise.all(keys.map((key) => journal.effect(key, steps, signal)));
    }

    expect(journal.keys("").length).toBeLessThan(700);
    expect((await stat(path)).size).toBeLessThan(400_000);
    expect([journal.lastCycle(10), journal.lastCycle(79)]).toEqual([3, 3]);
    await journal[Symbol.asyncDispose]();
    await using reopened = await Journal.open(path, clock);
    expect(reopened.keys("7.")).toEqual(["7.1/comment/plan"]);
    expect(reopened.pending().map(({ key }) => key)).toEqual(["8.1/merge/x"]);
    expect(reopened.lastCycle(10)).toBe(3);
  });

  it("drops a torn record and takes the next one", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const world = newWorld();
    await runOnce(path, world);
    await truncate(path, (await stat(path)).size - 3);

    const again = await runOnce(path, world);

    expect(again.ok).toBe(true);
    await using journal = await Journal.open(path, clock);
    expect(journal.pending()).toEqual([]);
    expect(journal.degraded).toBeNull();
  });
});
