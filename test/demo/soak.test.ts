// The soak's judge is tried on a real forge: it must fail on what is doubled, on what is left, and on what grows.

import { describe, expect, test } from "vitest";

import { OPERATOR, ROBOT } from "../../src/demo/demo-world.ts";
import { type Allowance, judgeGrowth, type Sample } from "../../src/demo/soak/growth.ts";
import { isHeld, type SoakReport } from "../../src/demo/soak/soak.ts";
import { readyOf, soakIssue } from "../../src/demo/soak/soak-issues.ts";
import { soakTable } from "../../src/demo/soak/soak-table.ts";
import { duplicatesIn, orphansOn } from "../../src/demo/verdict.ts";
import { ForgeRig, NAME } from "../forge/forge-rig.ts";

const HELD: SoakReport = {
  merged: 3,
  hitl: 1,
  closed: 1,
  failed: 0,
  duplicates: 0,
  made: 4,
  ended: 4,
  minutes: 60,
  calls: 1_000,
  failedCalls: 50,
  workerKills: 20,
  daemonKills: 6,
  doubled: [],
  left: [],
  problems: [],
  growth: [],
  isGrowthJudged: true,
};

describe("The look at what is left on the forge", () => {
  test("finds nothing of an issue that is merged and given back", async () => {
    await using rig = await startWithEnded();

    expect(orphansOn(rig.forge, NAME)).toEqual([]);
  });

  test("finds a branch of an issue that has ended", async () => {
    await using rig = await startWithEnded();
    await rig.forge.commitFiles(NAME, { branch: "agent/issue-1", message: "Work", files: { a: "a\n" } });

    expect(orphansOn(rig.forge, NAME)).toEqual([`${NAME}: agent/issue-1 is there`]);
  });

  test("finds an open pull request with its label and branch", async () => {
    await using rig = await startWithEnded();
    const number = await rig.openPull("agent/issue-1");
    await rig.forge.editIssue(NAME, number, { labels: ["hydraflow-review"] });

    expect(orphansOn(rig.forge, NAME)).toEqual([
      `${NAME}#${number} is open`,
      `${NAME}#${number} is labelled hydraflow-review`,
      `${NAME}: agent/issue-1 is there`,
    ]);
  });

  test("finds a label of work, and two labels of an end", async () => {
    await using rig = await startWithEnded(["hydraflow-in-progress", "bug"]);
    await rig.forge.createIssue(NAME, { title: "Two", labels: ["hydraflow-fixed", "hydraflow-review"] });
    await rig.forge.editIssue(NAME, 2, { state: "closed" });

    expect(orphansOn(rig.forge, NAME)).toEqual([
      `${NAME}#1 is labelled hydraflow-in-progress`,
      `${NAME}#2 is labelled hydraflow-fixed`,
      `${NAME}#2 is labelled hydraflow-review`,
    ]);
  });

  test("finds a claim that has not been given back, and an issue that is open", async () => {
    await using rig = await startWithEnded(["hydraflow-fixed"], "open");
    await rig.forge.addComment(NAME, 1, ROBOT, claim("2026-01-01T00:15:00.000Z"));

    expect(orphansOn(rig.forge, NAME)).toEqual([`${NAME}#1 is open`, `${NAME}#1 is still claimed`]);
  });
});

test("A doubled comment of the robot is found on the forge, one of a person is none of ours", async () => {
  await using rig = await startWithEnded();
  const body = "Planned.\n\n<!-- hydraflow:1.1/comment/plan-1 -->";
  for (const author of [ROBOT, OPERATOR, OPERATOR]) await rig.forge.addComment(NAME, 1, author, body);
  const once = duplicatesIn(rig.forge.ledger);
  await rig.forge.addComment(NAME, 1, ROBOT, body);

  expect(once).toEqual([]);
  expect(duplicatesIn(rig.forge.ledger)).toEqual([{ what: `${NAME} 1 1.1/comment/plan-1`, times: 2 }]);
});

test("Two reviews of one commit are a duplicate, however the second is worded", async () => {
  await using rig = await startWithEnded();
  const number = await rig.openPull("agent/issue-1");
  await rig.forge.addReview(NAME, number, { author: ROBOT, state: "COMMENTED", body: "Good." });
  const once = duplicatesIn(rig.forge.ledger);
  await rig.forge.addReview(NAME, number, { author: ROBOT, state: "CHANGES_REQUESTED", body: "Not good." });

  expect(once).toEqual([]);
  expect(duplicatesIn(rig.forge.ledger)).toHaveLength(1);
});

describe("A figure", () => {
  const strict: Allowance = { ratioMax: 1.1, slack: 2, perIssue: 0 };

  test("that wanders about one value is flat", () => {
    expect(growthOf((minute) => 100 + (minute % 7), strict)).toMatchObject({ isFlat: true });
  });

  test("that may grow while it warms up is flat when it stays there", () => {
    expect(growthOf((minute) => Math.min(minute * 10, 100), strict)).toMatchObject({ isFlat: true, ratio: 1 });
  });

  test("that grows all the time is not flat, and its slope is told", () => {
    const growth = growthOf((minute) => 100 + minute, strict);

    expect(growth.isFlat).toBe(false);
    expect(growth.slopePerHour).toBeCloseTo(60);
    expect(growth.ratio).toBeCloseTo(152.5 / 122.5, 1);
  });

  test("that keeps a bounded part of every issue is flat, and not when it keeps more", () => {
    expect(growthOf((minute) => 100 + 3 * minute, { ...strict, perIssue: 3 })).toMatchObject({ isFlat: true });
    expect(growthOf((minute) => 100 + 6 * minute, { ...strict, perIssue: 3 })).toMatchObject({ isFlat: false });
  });

  test("that nobody could measure is not flat", () => {
    expect(growthOf(() => undefined, strict)).toMatchObject({ isFlat: false });
    expect(judgeGrowth([], "figure", strict)).toMatchObject({ isFlat: false });
  });
});

describe("A soak", () => {
  const growing = growthOf((minute) => 100 + minute, { ratioMax: 1.1, slack: 2, perIssue: 0 });

  test("holds when everything has ended once, nothing is left and nothing grows", () => {
    expect(isHeld(HELD)).toBe(true);
    expect(soakTable(HELD)).toMatch(/\nheld\n$/);
  });

  test.for<[what: string, change: Partial<SoakReport>]>([
    ["there was no issue", { made: 0, ended: 0 }],
    ["an issue has not ended", { ended: 3 }],
    ["an issue has not ended as it was wanted", { failed: 1 }],
    ["something is doubled", { doubled: ["a comment: 2 times"] }],
    ["something is left", { left: ["a branch"] }],
    ["something went wrong", { problems: ["the daemon did not stop cleanly"] }],
    ["a figure grows", { growth: [growing] }],
  ])("does not hold when %s", ([, change]) => {
    const report = { ...HELD, ...change };

    expect(isHeld(report)).toBe(false);
    expect(soakTable(report)).toMatch(/\nNOT HELD\n$/);
  });

  test("judges no growth in a run that is too short for it, and says so", () => {
    const report = { ...HELD, growth: [growing], isGrowthJudged: false };

    expect(isHeld(report)).toBe(true);
    expect(soakTable(report)).toContain("too short a run to judge growth");
  });
});

test("Every kind of issue comes to every repository, and the two of a pair come to one together", () => {
  const row = Array.from({ length: 180 }, (_, serial) => soakIssue(serial, 5));
  const kinds = row.map(({ sample: { body, expected } }, serial) => `${serial % 6} ${expected} ${body.length > 0}`);
  const met = new Set(row.map(({ repository }, serial) => `${kinds[serial]} in ${repository}`));

  expect(met.size).toBe(6 * 5);
  expect(new Set(row.map(({ sample }) => sample.title)).size).toBe(row.length);
  for (let first = 4; first < row.length; first += 6) {
    expect(row[first]?.repository).toBe(row[first + 1]?.repository);
    expect(readyOf(first + 1)).toBe(first);
    expect(readyOf(first + 2)).toBe(first + 2);
  }
});

/** Issue 1 stands as it does when its pull request was merged. */
async function startWithEnded(labels = ["hydraflow-fixed"], state: "open" | "closed" = "closed"): Promise<ForgeRig> {
  const rig = await ForgeRig.start();
  await rig.forge.createIssue(NAME, { title: "One", labels });
  await rig.forge.addComment(NAME, 1, ROBOT, claim("1970-01-01T00:00:00.000Z"));
  await rig.forge.addComment(NAME, 1, OPERATOR, claim("2999-01-01T00:00:00.000Z"));
  await rig.forge.editIssue(NAME, 1, { state });
  return rig;
}

function claim(expires: string): string {
  return `Working.\n\n<!-- hydraflow:claim ${JSON.stringify({ owner: "one", expires, nonce: "n" })} -->`;
}

/** The samples go over an hour, with a sample and an ended issue a minute. */
function growthOf(valueAt: (minute: number) => number | undefined, allowance: Allowance) {
  const samples = Array.from({ length: 61 }, (_, minute): Sample => {
    const value = valueAt(minute);
    return { atMs: minute * 60_000, ended: minute, figures: value === undefined ? {} : { figure: value } };
  });
  return judgeGrowth(samples, "figure", allowance);
}
