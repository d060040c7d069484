// Shows when green checks are believed.

import { describe, expect, it } from "vitest";

import { believe, type GreenFacts, nextLooks } from "../../../src/worker/pipeline/green.ts";

const START = new Date("2026-01-01T00:00:00Z");
const after = (seconds: number) => new Date(START.getTime() + seconds * 1_000);

function facts(names: readonly string[], more: Partial<GreenFacts> = {}): GreenFacts {
  const looks = { names, since: START.toISOString(), count: 2 };
  const settled = { configured: undefined, waived: [], settleMs: 30_000, now: START };
  return { looks, expected: { required: [], seen: ["build"], likely: [] }, ...settled, ...more };
}

describe("Green checks", () => {
  it("are believed when two looks agree and every check that is known here has reported", () => {
    expect(believe(facts(["build", "lint"]))).toEqual({ kind: "believed" });
  });

  it("are looked at twice", () => {
    const looks = nextLooks(null, ["build"], START);

    expect(believe(facts([], { looks }))).toMatchObject({ kind: "not-yet" });
    expect(believe(facts([], { looks: nextLooks(looks, ["build"], after(1)) }))).toEqual({ kind: "believed" });
  });

  it("begin anew when another check reports", () => {
    const first = nextLooks(null, ["lint"], START);
    const second = nextLooks(nextLooks(first, ["lint"], after(1)), ["lint", "build"], after(2));

    expect(second).toEqual({ names: ["build", "lint"], since: after(2).toISOString(), count: 1 });
  });

  it("are not enough while one that reports on other pull requests is missing", () => {
    expect(believe(facts(["license/cla"]))).toEqual({ kind: "missing", names: ["build"] });
  });

  it("are not enough while a required one is missing, whatever the setting names", () => {
    const expected = { required: ["e2e"], seen: ["build"], likely: [] };

    expect(believe(facts(["lint"], { expected, configured: ["lint"] }))).toEqual({ kind: "missing", names: ["e2e"] });
  });

  it("may lack what a person has let go, and what the setting does not name", () => {
    expect(believe(facts(["lint"], { waived: ["build"] }))).toEqual({ kind: "believed" });
    expect(believe(facts(["lint"], { configured: ["lint"] }))).toEqual({ kind: "believed" });
  });

  it.each([
    ["nothing has reported here before", { required: [], seen: [], likely: [] }],
    ["GitHub does not show what it expects", null],
  ])("must stay as they are for a while where %s", (_why, expected) => {
    expect(believe(facts(["license/cla"], { expected, now: after(29) }))).toMatchObject({ kind: "not-yet" });
    expect(believe(facts(["license/cla"], { expected, now: after(30) }))).toEqual({ kind: "believed" });
  });

  it("are not held back by what has been seen where protection says what is required", () => {
    const expected = { required: ["lint"], seen: ["build"], likely: [] };

    expect(believe(facts(["lint"], { expected }))).toEqual({ kind: "believed" });
  });

  it("wait a while, and not for ever, for what only the base's own commits have", () => {
    const expected = { required: [], seen: [], likely: ["build", "deploy"] };

    expect(believe(facts(["build"], { expected, now: after(119) }))).toMatchObject({ kind: "not-yet" });
    expect(believe(facts(["build"], { expected, now: after(120) }))).toEqual({ kind: "believed" });
    expect(believe(facts(["build", "deploy"], { expected }))).toEqual({ kind: "believed" });
  });
});
