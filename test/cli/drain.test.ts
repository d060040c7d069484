// `hydraflow drain`: what it asks of the door again and again, what it tells, and how it ends.

import { expect, test } from "vitest";

import { parseDuration } from "../../src/cli/grammar/duration.ts";
import { runCli } from "./cli-process.ts";
import { FakeDoor, json } from "./fake-door.ts";

const IDLE = { slug: "acme-web", state: "running", in_flight: 0, in_flight_work: [], finished: [], interrupted: [] };
const ITEM = { issue: 7, stage: "implement" };

function report(drained: boolean, repo: object, draining = true) {
  return { draining, since: "2026-01-01T00:00:00.000Z", drained, repos: [{ ...IDLE, drained, ...repo }] };
}

const BUSY = report(false, { in_flight: 1, in_flight_work: [ITEM] });
const DONE = report(true, { finished: [ITEM] });

test("it tells what is in flight, then what was finished, each once, and ends well", async () => {
  const answers = [BUSY, BUSY, DONE];
  await using door = await FakeDoor.open({
    "POST /api/drain": (response, seen) => json(answers.shift())(response, seen),
  });

  const run = await runCli(["drain"], { environment: door.environment });

  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout.split("\n")).toEqual([
    "acme-web: in flight #7 implement",
    "acme-web: finished #7 implement",
    "drained: nothing is in flight, and no new issue is taken",
    "",
  ]);
  expect(door.seen.map(({ body }) => body)).toEqual([{ timeout_s: 0 }, { timeout_s: 2 }, { timeout_s: 2 }]);
});

test("when the time is over it names what is left and ends with 75", async () => {
  await using door = await FakeDoor.open({ "POST /api/drain": json(BUSY) });

  const run = await runCli(["drain", "--timeout", "0s", "--json"], { environment: door.environment });

  expect(run.code).toBe(75);
  expect(JSON.parse(run.stdout)).toEqual(BUSY);
  expect(run.stderr).toContain("acme-web (#7 implement)");
});

test("a daemon that knows only the former key is read as well", async () => {
  const former = { ...report(false, {}), repos: [{ ...BUSY.repos[0], in_flight_work: undefined, in_hand: [ITEM] }] };
  await using door = await FakeDoor.open({ "POST /api/drain": json(former) });

  const run = await runCli(["drain", "--timeout", "0s"], { environment: door.environment });

  expect(run).toMatchObject({ code: 75, stdout: "acme-web: in flight #7 implement\n" });
  expect(run.stderr).toContain("acme-web (#7 implement)");
});

test("it ends with 75 when somebody takes the drain back meanwhile", async () => {
  const answers = [BUSY, report(false, {}, false)];
  await using door = await FakeDoor.open({
    "POST /api/drain": (response, seen) => json(answers.shift())(response, seen),
  });

  const run = await runCli(["drain"], { environment: door.environment });

  expect(run.code).toBe(75);
  expect(run.stderr).toContain("taken the drain back");
});

test("--cancel takes it back", async () => {
  await using door = await FakeDoor.open({ "DELETE /api/drain": json(report(false, {}, false)) });

  const run = await runCli(["drain", "--cancel"], { environment: door.environment });

  expect(run).toMatchObject({ code: 0, stdout: "issues are taken again\n", stderr: "" });
});

test.for(["soon", "-1", "25h", "1d", ""])("a timeout of '%s' is a usage error", async (timeout) => {
  const run = await runCli(["drain", `--timeout=${timeout}`]);

  expect(run.code).toBe(64);
  expect(run.stdout).toBe("");
});

test.for([
  ["90", 90],
  ["90s", 90],
  ["10m", 600],
  ["2 min", 120],
  ["1h", 3_600],
  ["0s", 0],
  ["m", undefined],
  ["1.5h", undefined],
] as const)("a span of '%s' has %s seconds", ([text, seconds]) => {
  expect(parseDuration(text)).toBe(seconds);
});
