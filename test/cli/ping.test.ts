// `hydraflow ping --wait`: what a service manager's start hangs on.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

import { runCli } from "./cli-process.ts";
import { FakeDoor, json, problem } from "./fake-door.ts";

const PING = { version: "1.2.3", boot_id: "b", uptime_s: 1 };

test("ping --wait ends when the daemon says that it is ready, and no earlier", async () => {
  let looks = 0;
  await using door = await FakeDoor.open({
    "GET /readyz": (response) => response.writeHead(++looks < 3 ? 503 : 200).end(),
    "GET /api/ping": json(PING),
  });

  const run = await runCli(["ping", "--wait", "120"], { environment: door.environment });

  expect(run).toMatchObject({ code: 0, stdout: "hydraflow 1.2.3, up 1 s\n", stderr: "" });
  expect(door.seen.map(({ url }) => url)).toEqual(["/readyz", "/readyz", "/readyz", "/api/ping"]);
});

test("ping --wait ends with 69 and what it saw last when the time is over", async () => {
  await using door = await FakeDoor.open({ "GET /readyz": (response) => response.writeHead(503).end() });

  const run = await runCli(["ping", "--wait", "3"], { environment: door.environment });

  expect(run).toMatchObject({ code: 69, stdout: "" });
  expect(run.stderr).toBe("hydraflow: the daemon is not ready after 3 s: the answer was HTTP status 503\n");
});

test("ping --wait ends at once when the daemon's process has ended", async () => {
  await using door = await FakeDoor.open({ "GET /readyz": (response) => response.writeHead(503).end() });
  const ended = spawn(process.execPath, ["-e", "0"]);
  await once(ended, "exit");

  const run = await runCli(["ping", "--wait", "600", "--pid", String(ended.pid)], { environment: door.environment });

  expect(run).toMatchObject({ code: 69, stdout: "" });
  expect(run.stderr).toBe("hydraflow: the daemon ended before it was ready; its log says why\n");
});

test("ping --wait is not taken in by another daemon that holds the port", async () => {
  await using door = await FakeDoor.open({
    "GET /readyz": (response) => response.writeHead(200).end(),
    "GET /api/ping": problem("unauthorized", "not yours"),
  });

  const run = await runCli(["ping", "--wait", "120"], { environment: door.environment });

  expect(run).toMatchObject({ code: 77, stdout: "" });
});

test("ping --wait waits for a daemon that has not told its port yet", async () => {
  await using door = await FakeDoor.open({ "GET /readyz": json({}), "GET /api/ping": json(PING) });
  const state = join(door.home, "supervisor-state.json");
  await writeFile(state, "{}");
  const waiting = runCli(["ping", "--wait", "120"], { environment: door.environment });

  await writeFile(state, JSON.stringify({ httpPort: door.port, repos: [] }));

  expect(await waiting).toMatchObject({ code: 0 });
});

test.for([
  ["--wait", "0"],
  ["--wait", "soon"],
  ["--pid", "1"],
])("ping %s %s is a wrong command line", async (words) => {
  const run = await runCli(["ping", ...words]);

  expect(run).toMatchObject({ code: 64, stdout: "" });
});
