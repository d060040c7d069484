import { describe, expect, it } from "vitest";

import { deaths, faults, furtherDeaths, secondDeaths, someOf, takenApart } from "./attempts.ts";
import { FAULTS } from "./fault-server.ts";
import type { Attempt } from "./trials.ts";

const SEED = 7;
const WALK = [
  "before GET /user #1",
  "after GET /user #1",
  "before POST /labels #1",
  "after POST /labels #1",
  "before POST /labels #2",
  "after POST /labels #2",
  "before POST /labels #3",
  "after POST /labels #3",
  "after append journal.jsonl #1",
  "before git push #1",
  "after git push #1",
];
const whatOf = (attempts: readonly Attempt[]) => attempts.map(({ what }) => what);
const nameOf = (what: string) => what.replace(/ #\d+$/, "");

describe("a run of trials", () => {
  it("kills the worker at every boundary that has a name of its own, first and last, and on one side of a read", () => {
    const { attempts, leftOut } = deaths(WALK, SEED);

    const reads = whatOf(attempts).filter((what) => what.includes("GET"));
    expect(reads).toHaveLength(1);
    expect(whatOf(attempts).filter((what) => !what.includes("GET"))).toEqual([
      "before POST /labels #1",
      "before POST /labels #3",
      "after POST /labels #1",
      "after POST /labels #3",
      "after append journal.jsonl #1",
      "before git push #1",
      "after git push #1",
    ]);
    expect(attempts.length + leftOut).toBe(WALK.length);
  });

  it("kills it on the other side of a read with another seed", () => {
    const sides = Array.from({ length: 20 }, (_, seed) => whatOf(deaths(WALK, seed).attempts)[0]);

    expect(new Set(sides)).toEqual(new Set(["before GET /user #1", "after GET /user #1"]));
  });

  it("kills it on a further path at what the first has not", () => {
    const further = [...WALK, "after POST /labels #4", "before PATCH /issues/1 #1", "after PATCH /issues/1 #1"];

    expect(whatOf(furtherDeaths(further, WALK, SEED).attempts)).toEqual([
      "after POST /labels #4",
      "before PATCH /issues/1 #1",
      "after PATCH /issues/1 #1",
    ]);
    expect(furtherDeaths(WALK, WALK, SEED)).toEqual({ attempts: [], leftOut: WALK.length });
  });

  it("kills it a second time in the life after a death", () => {
    const first = { name: "after PUT /pulls/2/merge", count: 1 };
    const { attempts } = secondDeaths(first, WALK, SEED);

    expect(attempts).toHaveLength(deaths(WALK, SEED).attempts.length);
    expect(attempts.every(({ strikes }) => strikes[0] === first && strikes.length === 2)).toBe(true);
  });

  it("answers every call in every way, once in company, and fails git's talks too", () => {
    const calls = [...new Set(WALK.map(nameOf).filter((name) => name.startsWith("before")))];
    const together = faults(WALK).flatMap(({ strikes }) => {
      const answered = Object.entries(strikes[0]?.faults ?? {});
      return answered.length > 1 ? answered.map((pair) => pair.join(" ")) : [];
    });

    expect(together.toSorted()).toEqual(calls.flatMap((name) => FAULTS.map((fault) => `${name} ${fault}`)).toSorted());
    const alone = whatOf(faults(WALK).filter((attempt) => takenApart(attempt).length === 0));
    expect(alone).toContain("404 for POST /labels");
    expect(alone).toContain("done-then-reset for git push");
    expect(alone.filter((what) => what.includes("GET"))).toEqual([]);
    expect(faults(WALK, WALK)).toEqual([]);
  });

  it("takes a life with many faults apart into lives with one", () => {
    const [together] = faults(WALK);
    if (together === undefined) throw new Error("there is none");

    expect(takenApart(together).map(({ strikes }) => strikes[0]?.faults)).toEqual(
      Object.entries(together.strikes[0]?.faults ?? {}).map(([name, fault]) => ({ [name]: fault })),
    );
  });

  it("chooses the same few for the same seed", () => {
    const { attempts } = deaths(WALK, SEED);

    expect(someOf(attempts, 3, SEED)).toHaveLength(3);
    expect(someOf(attempts, 3, SEED)).toEqual(someOf(attempts, 3, SEED));
    expect(someOf(attempts, 3, SEED)).not.toEqual(someOf(attempts, 3, SEED + 1));
  });
});
