// The commands over issues and the dashboard: hitl, explain, open.

import { expect, test } from "vitest";

import { runCli } from "./cli-process.ts";
import { FakeDoor, json } from "./fake-door.ts";

const ITEM = {
  repo: "acme-web",
  issue: 7,
  title: "Add a flag",
  stage: "plan",
  question: "Which flag?",
  askedAt: "2026-01-02T03:04:05Z",
  url: "http://127.0.0.1/acme/web/issues/7",
};

test("hitl list prints one question a line", async () => {
  await using door = await FakeDoor.open({ "GET /api/hitl": json({ items: [ITEM], errors: [] }) });

  const run = await runCli(["hitl", "list"], { environment: door.environment });

  expect(run.code).toBe(0);
  expect(run.stdout).toMatch(/^acme-web +7 +plan +2026-01-02T03:04:05Z +Which flag\?$/m);
});

test("hitl list fails when a repository could not be asked, and still prints the others", async () => {
  const answer = { items: [ITEM], errors: [{ repo: "b", code: "worker_unavailable", message: "not running" }] };
  await using door = await FakeDoor.open({ "GET /api/hitl?repo=acme-web": json(answer) });

  const run = await runCli(["hitl", "list", "acme-web", "--json"], { environment: door.environment });

  expect(run).toMatchObject({ code: 1, stderr: "hydraflow: not asked: b (not running)\n" });
  expect(JSON.parse(run.stdout)).toEqual(answer);
});

test("hitl answer sends the text, from the command line or from stdin", async () => {
  await using door = await FakeDoor.open({ "POST /api/repos/acme-web/worker/hitl/7/correct": json({}) });

  const given = await runCli(["hitl", "answer", "acme-web", "7", "The -v flag"], { environment: door.environment });
  const piped = await runCli(["hitl", "answer", "acme-web", "7", "-"], {
    environment: door.environment,
    input: "Use\n-v\n",
  });

  expect([given.stdout, piped.stdout]).toEqual(["acme-web #7: answered\n", "acme-web #7: answered\n"]);
  expect(door.seen.map(({ body }) => body)).toEqual([{ text: "The -v flag" }, { text: "Use\n-v" }]);
});

test.for([
  ["--skip", "skip"],
  ["--close", "close"],
])("hitl answer %s sends its reason", async ([flag = "", verb = ""]) => {
  await using door = await FakeDoor.open({ [`POST /api/repos/acme-web/worker/hitl/7/${verb}`]: json({}) });

  const run = await runCli(["hitl", "answer", "acme-web", "7", flag, "--reason", "not now"], {
    environment: door.environment,
  });

  expect(run.code).toBe(0);
  expect(door.seen[0]?.body).toEqual({ reason: "not now" });
});

test.for([
  { args: ["--skip"], says: "need a --reason" },
  { args: ["--skip", "--close", "--reason", "x"], says: "not both" },
  { args: ["text", "--close", "--reason", "x"], says: "not an answer" },
  { args: ["text", "--reason", "x"], says: "goes with" },
  { args: [" "], says: "the answer is empty" },
])("hitl answer $args is refused before anything is sent", async ({ args, says }) => {
  await using door = await FakeDoor.open({});

  const run = await runCli(["hitl", "answer", "acme-web", "7", ...args], { environment: door.environment });

  expect(run).toMatchObject({ code: 64, stderr: expect.stringContaining(says) });
  expect(door.seen).toEqual([]);
});

test("explain prints where the issue stands and why it is not moving", async () => {
  const answer = {
    issue: 7,
    title: "Add a flag",
    stage: "implement",
    labels: ["hydraflow-ready"],
    state: "open",
    why: ["every implement slot is taken"],
    pull: null,
    history: [{ at: "2026-01-02T03:04:05Z", text: "moved from plan to ready" }],
  };
  await using door = await FakeDoor.open({ "GET /api/repos/acme-web/worker/issues/7": json(answer) });

  const text = await runCli(["explain", "acme-web", "7"], { environment: door.environment });
  const machine = await runCli(["explain", "acme-web", "7", "--json"], { environment: door.environment });

  expect(text.stdout).toContain("why:     every implement slot is taken\n");
  expect(text.stdout).toContain("history: 2026-01-02T03:04:05Z moved from plan to ready\n");
  expect(JSON.parse(machine.stdout)).toEqual(answer);
});

test("open prints the address that signs in once", async () => {
  const url = "http://127.0.0.1:8766/login?code=c";
  await using door = await FakeDoor.open({ "POST /api/login-codes": json({ code: "c", url }, 201) });

  const run = await runCli(["open"], { environment: { ...door.environment, DISPLAY: ":0" } });

  expect(run).toMatchObject({ code: 0, stdout: `${url}\n` });
});
