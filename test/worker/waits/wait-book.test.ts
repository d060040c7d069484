// Shows what becomes of waits, by a clock of the test's own.

import { beforeEach, describe, expect, it } from "vitest";

import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import { type NewWait, WaitBook } from "../../../src/worker/waits/wait-book.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const LOCKED: NewWait = { cause: "git-locked", reason: "git: index.lock", until: null, mark: "run begun" };
const CREDENTIAL: NewWait = { cause: "git-credential", reason: "git: denied", until: null, mark: "run begun" };
const BLIP: NewWait = { cause: "github", reason: "GitHub: 502", until: null, mark: "run begun" };
const REFUSED: NewWait = { cause: "github-refused", reason: "GitHub: locked", until: null, mark: "claim" };

describe("A wait", () => {
  let clock: ManualClock;
  let emitted: WorkerEvent[];
  let asking: Set<number>;
  let isGitHubUp: boolean;
  let book: WaitBook;

  beforeEach(() => {
    clock = new ManualClock();
    emitted = [];
    asking = new Set();
    isGitHubUp = true;
    book = new WaitBook({
      clock,
      emit: (event) => emitted.push(event),
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

  /** Tries it again and again for this long. */
  async function goOn(ms: number, issue: number, wait: NewWait): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= MINUTE_MS) await waitFor(Math.min(leftMs, MINUTE_MS), issue, wait);
  }

  it("says since when and how often, and is tried again after delays that grow", async () => {
    const first = book.note(1, LOCKED);
    await waitFor(30_000, 1, LOCKED);

    expect(first.until.getTime() - clock.now().getTime()).toBe(0);
    expect(book.of(1)).toMatchObject({ times: 2, reason: "git: index.lock", since: first.since });
    expect((book.of(1)?.until.getTime() ?? 0) - clock.now().getTime()).toBe(60_000);
    expect(emitted).toEqual([
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
    await goOn(HOUR_MS - 1, 1, LOCKED);
    const early = book.takeQuestion(1);
    await waitFor(1, 1, LOCKED);

    expect([early, book.takeQuestion(1)]).toEqual([false, true]);
  });

  it("that several issues have in common is one notice and no question", async () => {
    book.note(1, LOCKED);
    book.note(2, LOCKED);
    for (let minute = 0; minute < 60; minute += 1) {
      await waitFor(MINUTE_MS, 1, LOCKED);
      book.note(2, LOCKED);
    }

    expect([book.takeQuestion(1), book.takeQuestion(2)]).toEqual([false, false]);
    expect(book.notice).toBe("issues 1, 2 wait since 2026-03-01T12:00:00.000Z: git: index.lock");
  });

  it("for what another issue asks about already is no second question", async () => {
    book.note(1, LOCKED);
    await goOn(HOUR_MS, 1, LOCKED);
    expect(book.takeQuestion(1)).toBe(true);
    book.clear(1);
    asking.add(1);
    book.note(2, LOCKED);
    await goOn(HOUR_MS, 2, LOCKED);

    expect(book.takeQuestion(2)).toBe(false);
    expect(book.notice).toContain("issue 2 waits since");
    expect(book.notice).toContain("(issue 1 asks about it)");
  });

  it("for a credential is said at once, and never asked about", async () => {
    book.note(1, CREDENTIAL);
    const notice = book.notice;
    await goOn(2 * HOUR_MS, 1, CREDENTIAL);

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
    await goOn(HOUR_MS, 1, wait);

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
    const moved = book.of(1);
    const since = new Date(clock.now().getTime() - HOUR_MS);
    book.note(2, { ...LOCKED, earlier: { since: since.toISOString(), ms: HOUR_MS } });

    expect(moved).toMatchObject({ since: clock.now(), times: 1, ms: 0 });
    expect(book.of(2)?.since).toEqual(since);
    expect(book.notice).toContain("issue 2 waits since");
  });

  it("that began before the clock was set back began just now", () => {
    const since = new Date(clock.now().getTime() + 365 * 24 * HOUR_MS).toISOString();
    book.note(1, { ...LOCKED, earlier: { since, ms: 0 } });

    expect(book.of(1)?.since).toEqual(clock.now());
  });

  it("for the agent's provider has a notice of its own, and for the merge the ends of its own before", async () => {
    const merge: NewWait = { cause: "merge", reason: "1 of 1 checks are pending", until: null, mark: "run approved" };
    book.note(1, { cause: "agent", reason: "limit", until: null, mark: "run begun" });
    book.note(2, merge);
    await goOn(2 * HOUR_MS - 1, 2, merge);

    expect([book.notice, book.takeQuestion(1), book.takeQuestion(2)]).toEqual([null, false, false]);
    await waitFor(1, 2, merge);
    expect(book.takeQuestion(2)).toBe(true);
  });

  it.for([
    ["a provider's pause of five hours", "agent", 5 * HOUR_MS],
    ["an hour for which GitHub has named the end", "github", HOUR_MS],
    ["a rate limit that lasts longer", "github", 3 * HOUR_MS],
  ] as const)("after %s is a short one, and asks nobody", async ([, cause, ms]) => {
    book.note(1, { cause, reason: "limit", until: new Date(clock.now().getTime() + ms), mark: "run begun" });
    await waitFor(ms, 1, BLIP);

    expect([book.takeQuestion(1), book.notice]).toEqual([false, null]);
  });

  it("after checks that took their time asks nobody, and goes on from there when they do", async () => {
    const checks: NewWait = { cause: "merge", reason: "1 check is pending", until: null, mark: "run begun" };
    book.note(1, checks);
    await goOn(70 * MINUTE_MS, 1, checks);
    await waitFor(MINUTE_MS, 1, BLIP);
    const asked = [book.takeQuestion(1), book.notice];
    await goOn(50 * MINUTE_MS, 1, checks);

    expect(asked).toEqual([false, null]);
    expect(book.takeQuestion(1)).toBe(true);
  });

  it("that an issue met once, which has only queued since, is none: nothing stands in its name", async () => {
    book.note(1, BLIP);
    book.note(2, BLIP);
    await goOn(HOUR_MS, 2, BLIP);

    expect([book.of(1), book.notice]).toEqual([null, expect.stringContaining("issue 2 waits since")]);
    expect(book.figures().find(({ cause }) => cause === "github")?.count).toBe(1);
    expect(book.takeQuestion(2)).toBe(true);
  });

  it("that an issue meets a second time after hours in the queue is as short as it was", async () => {
    book.note(1, BLIP);
    await waitFor(5 * HOUR_MS, 1, BLIP);

    expect([book.takeQuestion(1), book.notice]).toEqual([false, null]);
    expect(book.figures().find(({ cause }) => cause === "github")?.oldest_seconds).toBe(120);
  });

  it("that ends never is asked about although a slot is rarely free to try it", async () => {
    let hours = 0;
    for (book.note(1, LOCKED); hours < 100 && !book.takeQuestion(1); hours += 1) await waitFor(HOUR_MS, 1, LOCKED);

    expect(hours).toBeLessThan(10);
  });

  it("reads the same in the notice from one try to the next", async () => {
    book.note(1, LOCKED);
    await goOn(HOUR_MS, 1, LOCKED);
    const notice = book.notice;
    await goOn(2 * MINUTE_MS, 1, LOCKED);

    expect(notice).toContain("git: index.lock");
    expect(book.notice).toBe(notice);
  });

  it("for a claim that was lost is said, and never asked about: another worker may have the issue", async () => {
    const lost: NewWait = { cause: "claim", reason: "the claim was lost", until: null, mark: "run begun" };
    book.note(1, lost);
    await goOn(HOUR_MS, 1, lost);

    expect([book.takeQuestion(1), book.notice]).toEqual([false, expect.stringContaining("the claim was lost")]);
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
