import { describe, expect, it } from "vitest";

import type { Clock } from "../../../src/core/base/clock.ts";
import { ok } from "../../../src/core/base/result.ts";
import { activeBody, releasedBody } from "../../../src/worker/claims/claim-comment.ts";
import { ClaimReader } from "../../../src/worker/claims/claim-election.ts";
import { ClaimKeeper } from "../../../src/worker/claims/claim-keeper.ts";
import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { type IssueState, UNKNOWN_ISSUE } from "../../../src/worker/state/issue-state.ts";
import { type Actor, forEveryOrder } from "../../support/interleavings.ts";
import { MemoryClient, MemoryGitHub } from "../../support/memory-github.ts";

const { signal } = new AbortController();
const LEASE_MS = 100_000;
/** A tenth of the lease, as the keeper takes it. */
const MARGIN_MS = 10_000;
const START = Date.parse("2026-03-01T12:00:00Z");

/** A worker that hangs sees time so: it goes on, and none of its timers fires. */
class HangingClock implements Clock {
  ms = 0;
  readonly skewMs: number;
  readonly #source: HangingClock | null;

  constructor(source: HangingClock | null = null, skewMs = 0) {
    this.#source = source;
    this.skewMs = skewMs;
  }

  now(): Date {
    return new Date(START + this.monotonicMs() + this.skewMs);
  }

  monotonicMs(): number {
    return this.#source?.ms ?? this.ms;
  }

  sleep(_ms: number, sleepSignal: AbortSignal): Promise<void> {
    return new Promise((_, reject) =>
      sleepSignal.addEventListener("abort", () => reject(sleepSignal.reason), { once: true }),
    );
  }
}

interface Contender extends Actor {
  readonly keeper: ClaimKeeper;
}

interface ContenderOptions {
  readonly owner: string;
  readonly login?: string;
  readonly clock: Clock;
  readonly claim?: IssueState["claim"];
}

function contender(world: MemoryGitHub, { owner, login, clock, claim = null }: ContenderOptions): Contender {
  const client = world.connect(login);
  let state: IssueState = { ...UNKNOWN_ISSUE, claim };
  const memory = {
    issue: () => state,
    update: (_: number, change: (old: IssueState) => IssueState) => {
      state = change(state);
      return Promise.resolve();
    },
  };
  const keeper = new ClaimKeeper({
    github: client,
    state: memory,
    clock,
    emit: () => undefined,
    owner,
    labelPrefix: "hydraflow",
    leaseMs: LEASE_MS,
  });
  return { client, keeper, run: () => keeper.acquire(world.issue(1), "implement", signal) };
}

/** Lets time pass at any point in between: an actor whose one step is the jump. */
function timePasses(world: MemoryGitHub, clock: HangingClock, ms: number): Actor {
  const client = new MemoryClient(world, "time");
  return {
    client,
    run: async () => {
      await client.comments(1, signal);
      clock.ms += ms;
    },
  };
}

type Past = "nothing" | "a dead stranger" | "both released" | "own dead claims" | "the first one's living claim";

/** Prepares what stands on the issue when the contest begins. */
function prepare(world: MemoryGitHub, past: Past): { firstClaim: IssueState["claim"] } {
  const at = (ms: number) => new Date(START + ms);
  const dead = (owner: string) =>
    activeBody({ owner, expiresAt: at(-2 * MARGIN_MS), nonce: "n", stage: "plan", since: at(-LEASE_MS) });
  switch (past) {
    case "nothing":
      break;
    case "a dead stranger":
      world.addComment(1, "hydraflow-bot", dead("gone/acme-web/0"));
      break;
    case "both released":
      world.addComment(1, "hydraflow-bot", releasedBody("a", "n", "released"));
      world.addComment(1, "hydraflow-bot", releasedBody("b", "n", "released"));
      break;
    case "own dead claims":
      world.addComment(1, "hydraflow-bot", dead("b"));
      world.addComment(1, "hydraflow-bot", dead("a"));
      break;
    case "the first one's living claim": {
      const expiresAt = at(3 * MARGIN_MS);
      const { id } = world.addComment(
        1,
        "hydraflow-bot",
        activeBody({ owner: "a", expiresAt, nonce: "n", stage: "plan", since: at(-1) }),
      );
      return { firstClaim: { is: "held", commentId: id, expiresAt: expiresAt.toISOString() } };
    }
  }
  return { firstClaim: null };
}

function newWorld(clock: HangingClock): MemoryGitHub {
  const world = new MemoryGitHub({ now: () => clock.now() });
  world.addIssue({ labels: ["hydraflow-ready"] });
  return world;
}

function owners(contenders: readonly Contender[]): number {
  return contenders.filter(({ keeper }) => keeper.held(1) !== undefined).length;
}

const PASTS: readonly Past[] = [
  "nothing",
  "a dead stranger",
  "both released",
  "own dead claims",
  "the first one's living claim",
];

describe("whose claims count", () => {
  const living = (owner: string) =>
    activeBody({ owner, expiresAt: new Date(START + LEASE_MS), nonce: "n", stage: "plan", since: new Date(START) });
  const read = async (author: string, viewer: string | null, learned: string | null = viewer) => {
    const world = new MemoryGitHub();
    world.addIssue();
    world.addComment(1, author, living("another"));
    const client: GitHub = world.connect("nobody");
    const logins = [viewer, learned];
    client.viewer = () => Promise.resolve(ok(logins.length > 1 ? (logins.shift() ?? null) : (logins[0] ?? null)));
    const reader = new ClaimReader(client, "ours", MARGIN_MS);
    const counts = [];
    for (let looks = 0; looks < 2; looks += 1) {
      const claims = await reader.read(1, () => new Date(START), signal);
      counts.push(claims.ok ? claims.value.foreign.length : null);
    }
    return counts;
  };

  it("are those of our own login, in whatever case GitHub shows it, and no stranger's", async () => {
    expect(await read("Our-App[bot]", "our-app[bot]")).toEqual([1, 1]);
    expect(await read("stranger", "our-app[bot]")).toEqual([0, 0]);
  });

  it("are ours too as soon as GitHub has shown who we are", async () => {
    expect(await read("our-app[bot]", null, "our-app[bot]")).toEqual([0, 1]);
  });
});

describe("the election of an owner", () => {
  it.each(PASTS)("lets at most one of two workers on, in every order of their calls, after: %s", async (past) => {
    const winners = new Set<number>();

    const orders = await forEveryOrder(() => {
      const clock = new HangingClock();
      const world = newWorld(clock);
      const { firstClaim } = prepare(world, past);
      const contenders = [
        contender(world, { owner: "a", clock, claim: firstClaim }),
        contender(world, { owner: "b", clock }),
      ];
      return {
        actors: contenders,
        check: (atEnd, trace) => {
          expect(owners(contenders), trace).toBeLessThanOrEqual(1);
          if (atEnd) winners.add(contenders.findIndex(({ keeper }) => keeper.held(1) !== undefined));
        },
      };
    });

    expect(orders).toBeGreaterThan(past === "the first one's living claim" ? 1 : 15);
    expect(winners.has(0)).toBe(true);
    if (past !== "the first one's living claim") expect(winners.has(1)).toBe(true);
  });

  it("always finds an owner when all contenders are new to the issue", async () => {
    await forEveryOrder(() => {
      const clock = new HangingClock();
      const world = newWorld(clock);
      const contenders = ["a", "b"].map((owner) => contender(world, { owner, login: `bot-${owner}`, clock }));
      return {
        actors: contenders,
        check: (atEnd, trace) => {
          if (atEnd) expect(owners(contenders), trace).toBe(1);
        },
      };
    });
  });

  it("lets at most one of three workers on, in every order of their calls", async () => {
    const orders = await forEveryOrder(() => {
      const clock = new HangingClock();
      const world = newWorld(clock);
      const contenders = ["a", "b", "c"].map((owner) => contender(world, { owner, clock }));
      return { actors: contenders, check: (_, trace) => expect(owners(contenders), trace).toBeLessThanOrEqual(1) };
    });

    expect(orders).toBeGreaterThan(1_000);
  });

  it.each(
    PASTS.flatMap((past) =>
      [LEASE_MS - MARGIN_MS, LEASE_MS, LEASE_MS + MARGIN_MS, 3 * MARGIN_MS].map((ms) => [past, ms] as const),
    ),
  )("lets at most one on when everybody hangs at any point, after: %s, for %i ms", async (past, ms) => {
    await forEveryOrder(() => {
      const clock = new HangingClock();
      const world = newWorld(clock);
      const { firstClaim } = prepare(world, past);
      const contenders = [
        contender(world, { owner: "a", clock, claim: firstClaim }),
        contender(world, { owner: "b", clock }),
      ];
      return {
        actors: [...contenders, timePasses(world, clock, ms)],
        check: (_, trace) => expect(owners(contenders), trace).toBeLessThanOrEqual(1),
      };
    });
  });

  it.each([1.9 * MARGIN_MS, -1.9 * MARGIN_MS])(
    "lets at most one on when the second one's clock is off by %i ms",
    async (skewMs) => {
      for (const past of PASTS) {
        for (const ms of [
          LEASE_MS - 1.5 * MARGIN_MS,
          LEASE_MS - MARGIN_MS,
          LEASE_MS,
          LEASE_MS + MARGIN_MS,
          2 * MARGIN_MS,
          4 * MARGIN_MS,
        ]) {
          await forEveryOrder(() => {
            const clock = new HangingClock();
            const world = newWorld(clock);
            const { firstClaim } = prepare(world, past);
            const second = new HangingClock(clock, skewMs);
            const contenders = [
              contender(world, { owner: "a", clock, claim: firstClaim }),
              contender(world, { owner: "b", clock: second }),
            ];
            return {
              actors: [...contenders, timePasses(world, clock, ms)],
              check: (_, trace) => expect(owners(contenders), `${past} ${ms}: ${trace}`).toBeLessThanOrEqual(1),
            };
          });
        }
      }
    },
  );

  it("lets at most one on when the owner changes the stage while another one takes over", async () => {
    await forEveryOrder(async () => {
      const clock = new HangingClock();
      const world = newWorld(clock);
      const first = contender(world, { owner: "a", clock });
      await first.run();
      clock.ms += 0.6 * LEASE_MS;
      const second = contender(world, { owner: "b", clock });
      return {
        actors: [
          { client: first.client, run: () => first.keeper.setStage(1, "review", signal) },
          second,
          timePasses(world, clock, 0.6 * LEASE_MS),
        ],
        // Only the end is checked: asking a keeper makes it look at the clock, and this one hangs.
        check: (atEnd, trace) => {
          if (atEnd) expect(owners([first, second]), trace).toBeLessThanOrEqual(1);
        },
      };
    });
  });

  it("lets at most one on when the owner releases the issue and takes it again while another one asks for it", async () => {
    await forEveryOrder(async () => {
      const clock = new HangingClock();
      const world = newWorld(clock);
      const first = contender(world, { owner: "a", clock });
      await first.run();
      const second = contender(world, { owner: "b", clock });
      const again = async () => {
        await first.keeper.release({ number: 1 }, signal);
        await first.run();
      };
      return {
        actors: [{ client: first.client, run: again }, second],
        check: (_, trace) => expect(owners([first, second]), trace).toBeLessThanOrEqual(1),
      };
    });
  });

  it.each(["before", "after"] as const)(
    "lets at most one on when the first one dies %s any of its calls and starts again",
    async (when) => {
      for (let at = 1; at <= 7; at += 1) {
        await forEveryOrder(() => {
          const clock = new HangingClock();
          const world = newWorld(clock);
          const first = contender(world, { owner: "a", clock });
          first.client.inject({ at, when, how: "crash" });
          const second = contender(world, { owner: "b", clock });
          const restarted = contender(world, { owner: "a", clock });
          const firstLife = async () => {
            const dies = await first.run().then(
              () => false,
              () => true,
            );
            // The second life goes on with the first one's place in the order.
            restarted.client.intercept = first.client.intercept;
            if (dies) await restarted.run();
          };
          const holders = () => owners([second, restarted]) + (first.client.calls.length < at ? owners([first]) : 0);
          return {
            actors: [{ client: first.client, run: firstLife }, second],
            check: (_, trace) => expect(holders(), trace).toBeLessThanOrEqual(1),
          };
        });
      }
    },
  );
});
