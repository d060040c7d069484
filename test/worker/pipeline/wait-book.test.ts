// What becomes of waits, by a clock of the test's own.

import { beforeEach, describe, expect, it } from "vitest";

import type { WorkerEvent } from "../../../src/worker/event.ts";
import { type NewWait, WaitBook } from "../../../src/worker/pipeline/wait-book.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const LOCKED: NewWait = { cause: "git-locked", reason: "git: index.lock", until: null, mark: "run begun" };
const CREDENTIAL: NewWait = { cause: "git-credential", reason: "git: denied", until: null, mark: "run begun" };
const REFUSED: NewWait = { cause: "github-refused", reason: "GitHub: locked", until: null, mark: "claim" };

describe("A wait", () => {
  let clock: ManualClock;
  let told: WorkerEvent[];
  let asking: Set<number>;
  let isGitHubUp: boolean;
  let book: WaitBook;

  beforeEach(() => {
    clock = new ManualClock();
    told = [];
    asking = new Set();
    isGitHubUp = true;
    book = new WaitBook({
      clock,
      tell: (event) => told.push(event),
      limitMs: HOUR_MS,
      ciTimeoutMs: 10 * MINUTE_MS,
      pollIntervalMs: 30_000,
      isAsking: (issue) => asking.has(issue),
      isGitHubUp: () => isGitHubUp,
    });
  });

  async function waitFor(ms: number, issue: number, wait: NewWait): Promise<void> {
    await clock.advance(ms);
    book.note(issue, wait);
  }

  it("says since when and how often, and is tried again after delays that grow", async () => {
    const first = book.note(1, LOCKED);
    await waitFor(30_000, 1, LOCKED);

    expect(first.until.getTime() - clock.now().getTime()).toBe(0);
    expect(book.of(1)).toMatchObject({ times: 2, reason: "git: index.lock", since: first.since });
    expect((book.of(1)?.until.getTime() ?? 0) - clock.now().getTime()).toBe(60_000);
    expect(told).toEqual([
      {
        type: "issue.waiting",
        issue: 1,
        cause: "git-locked",
        reason: "git: index.lock",
        since: first.since.toISOString(),
      },
    ]);
  });

  it("is looked at once more when its limit comes, not half an hour later", async () => {
    for (let minute = 0; minute < 59; minute += 1) await waitFor(MINUTE_MS, 1, LOCKED);

    expect((book.of(1)?.until.getTime() ?? 0) - clock.now().getTime()).toBe(2 * MINUTE_MS);
  });

  it("of one issue is asked about when it lasts longer than the limit, and not before", async () => {
    book.note(1, LOCKED);
    await waitFor(HOUR_MS - 1, 1, LOCKED);
    const early = book.takeQuestion(1);
    await waitFor(1, 1, LOCKED);

    expect([early, book.takeQuestion(1)]).toEqual([false, true]);
  });

  it("that several issues have in common is one notice and no question", async () => {
    book.note(1, LOCKED);
    book.note(2, LOCKED);
    await clock.advance(HOUR_MS);
    book.note(1, LOCKED);
    book.note(2, LOCKED);

    expect([book.takeQuestion(1), book.takeQuestion(2)]).toEqual([false, false]);
    expect(book.notice).toBe("issues 1, 2 wait since 2026-03-01T12:00:00.000Z, 2 times in a row: git: index.lock");
  });

  it("for what another issue asks about already is no second question", async () => {
    book.note(1, LOCKED);
    await waitFor(HOUR_MS, 1, LOCKED);
    expect(book.takeQuestion(1)).toBe(true);
    book.clear(1);
    asking.add(1);
    book.note(2, LOCKED);
    await waitFor(HOUR_MS, 2, LOCKED);

    expect(book.takeQuestion(2)).toBe(false);
    expect(book.notice).toContain("issue 2 waits since");
    expect(book.notice).toContain("(issue 1 asks about it)");
  });

  it("for a credential is said at once, and never asked about", async () => {
    book.note(1, CREDENTIAL);
    const notice = book.notice;
    await waitFor(2 * HOUR_MS, 1, CREDENTIAL);

    expect(notice).toContain("issue 1 waits since");
    expect(notice).toContain("git: denied");
    expect(book.takeQuestion(1)).toBe(false);
  });

  it("for what GitHub refuses is said when it is refused for the third time", () => {
    const notices = [1, 2, 3].map(() => {
      book.note(1, REFUSED);
      return book.notice;
    });

    expect(notices.map((notice) => notice?.includes("GitHub: locked") ?? false)).toEqual([false, false, true]);
  });

  it("for GitHub is nobody's question while GitHub answers nothing at all", async () => {
    const wait: NewWait = { cause: "github", reason: "GitHub: 502", until: null, mark: "run begun" };
    isGitHubUp = false;
    book.note(1, wait);
    await waitFor(HOUR_MS, 1, wait);

    expect(book.takeQuestion(1)).toBe(false);
    expect(book.notice).toContain("GitHub: 502");
    isGitHubUp = true;
    expect(book.takeQuestion(1)).toBe(true);
  });

  it("that comes again and again, however short, is said as long as it does", async () => {
    for (let round = 0; round < 20; round += 1) {
      await waitFor(MINUTE_MS, 1, { ...LOCKED, mark: `run ${round}` });
      if (round === 18) expect(book.notice).toBeNull();
    }
    expect(book.notice).toContain("as happened 20 times or more within 60 minutes: git: index.lock");

    await waitFor(HOUR_MS, 1, { ...LOCKED, mark: "run later" });

    expect(book.notice).toBeNull();
  });

  it("somewhere else on the way is another wait, and one before a restart is the same", async () => {
    book.note(1, LOCKED);
    await waitFor(50 * MINUTE_MS, 1, { ...LOCKED, mark: "run gated" });
    const moved = book.of(1)?.since;
    book.note(2, { ...LOCKED, since: new Date(clock.now().getTime() - HOUR_MS).toISOString() });

    expect(moved).toEqual(clock.now());
    expect(book.of(2)?.since).toEqual(new Date(clock.now().getTime() - HOUR_MS));
    expect(book.notice).toContain("issue 2 waits since");
  });

  it("that began before the clock was set back began just now", () => {
    book.note(1, { ...LOCKED, since: new Date(clock.now().getTime() + 365 * 24 * HOUR_MS).toISOString() });

    expect(book.of(1)?.since).toEqual(clock.now());
  });

  it("for the agent's provider has a notice of its own, and for the merge the ends of its own before", async () => {
    book.note(1, { cause: "agent", reason: "limit", until: null, mark: "run begun" });
    book.note(2, { cause: "merge", reason: "1 of 1 checks are pending", until: null, mark: "run approved" });
    await clock.advance(2 * HOUR_MS - 1);

    expect([book.notice, book.takeQuestion(1), book.takeQuestion(2)]).toEqual([null, false, false]);
    await clock.advance(1);
    expect(book.takeQuestion(2)).toBe(true);
  });

  it("counts by what is waited for", async () => {
    book.note(1, LOCKED);
    await clock.advance(MINUTE_MS);
    book.note(2, LOCKED);
    book.note(3, CREDENTIAL);
    book.clear(3, "elsewhere");
    book.clear(2, LOCKED.mark);

    expect(book.figures().filter(({ count }) => count > 0)).toEqual([
      { cause: "git-locked", count: 1, oldest_seconds: 60 },
      { cause: "git-credential", count: 1, oldest_seconds: 0 },
    ]);
  });
});
