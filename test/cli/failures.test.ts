// Every way to fail: one line on stderr that says what to do, the exit code of core/base/exit-code.ts, nothing on
// stdout.

import { chmod, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";

import type { ControlCode } from "../../src/core/messages/supervisor-control.ts";
import { runCli } from "./cli-process.ts";
import { FakeDoor, json, problem } from "./fake-door.ts";

test("without a daemon the line says how to start one", async () => {
  const run = await runCli(["list"], { environment: { HYDRAFLOW_HOME: "/nonexistent/state" } });

  expect(run).toMatchObject({ code: 69, stdout: "" });
  expect(run.stderr).toBe(
    "hydraflow: no daemon answers at /nonexistent/state; start it with: hydraflow daemon (or: systemctl start hydraflow)\n",
  );
});

test("a state file that a dead daemon left behind is no daemon", async () => {
  await using door = await FakeDoor.open({});
  const free = await freePort();
  await writeFile(join(door.home, "supervisor-state.json"), JSON.stringify({ httpPort: free, repos: [] }));

  const run = await runCli(["ping"], { environment: door.environment });

  expect(run).toMatchObject({ code: 69, stderr: expect.stringContaining(`127.0.0.1:${free}`) });
});

test.for<{ code: ControlCode; exit: number }>([
  { code: "unauthorized", exit: 77 },
  { code: "forbidden_host", exit: 77 },
  { code: "busy", exit: 75 },
  { code: "too_many", exit: 75 },
  { code: "shutting_down", exit: 75 },
  { code: "worker_unavailable", exit: 1 },
  { code: "not_found", exit: 1 },
  { code: "already_registered", exit: 1 },
  { code: "internal", exit: 1 },
])("the refusal $code ends with $exit", async ({ code, exit }) => {
  await using door = await FakeDoor.open({ "POST /api/repos/acme-web/start": problem(code, "do this") });

  const run = await runCli(["start", "acme-web"], { environment: door.environment });

  expect(run).toMatchObject({ code: exit, stdout: "" });
  expect(run.stderr).toMatch(code === "unauthorized" ? /HYDRAFLOW_TOKEN\n$/ : /^hydraflow: do this\n$/);
});

test("a door that is none of ours is named and believed by its status alone", async () => {
  await using door = await FakeDoor.open({
    "GET /api/repos": (response) => void response.writeHead(503).end("<html>down</html>"),
    "GET /api/ping": json({ hello: "world" }),
  });

  const busy = await runCli(["list"], { environment: door.environment });
  const strange = await runCli(["ping"], { environment: door.environment });

  expect(busy).toMatchObject({ code: 75, stderr: "hydraflow: the answer was HTTP status 503\n" });
  expect(strange).toMatchObject({ code: 1, stderr: expect.stringContaining("not understood") });
});

test("a connection that breaks off is worth another try", async () => {
  await using door = await FakeDoor.open({ "GET /api/repos": (response) => void response.destroy() });

  const run = await runCli(["list"], { environment: door.environment });

  expect(run).toMatchObject({ code: 75, stdout: "" });
});

test("a token file that others can read is a wrong configuration", async () => {
  await using door = await FakeDoor.open({});
  await chmod(join(door.home, "token"), 0o644);

  const run = await runCli(["list"], { environment: door.environment });

  expect(run).toMatchObject({ code: 78, stderr: expect.stringContaining("chmod 600") });
  expect(door.seen).toEqual([]);
});

test("the token of a state directory never goes to another machine's address", async () => {
  await using door = await FakeDoor.open({});

  const run = await runCli(["list", "--url", "http://hydraflow.invalid:1"], { environment: door.environment });

  expect(run.code).toBe(69);
  expect(run.stderr).not.toContain("a-token-of-the-tests");
});

test.for([
  { args: [], says: "hydraflow --help" },
  { args: ["lst"], says: "did you mean 'list'?" },
  { args: ["hitl", "anser"], says: "did you mean 'answer'?" },
  { args: ["list", "--jsno"], says: "jsno" },
  { args: ["list", "extra"], says: "extra" },
  { args: ["add"], says: "usage: hydraflow add <target>" },
  { args: ["add", "x", "--repo-slug"], says: "--repo-slug" },
  { args: ["add", "x", "--repo-slug", "no-slash"], says: "owner/name" },
  { args: ["status", "../etc"], says: "is no slug" },
  { args: ["explain", "acme-web", "seven"], says: "is no issue number" },
  { args: ["logs", "--tail", "all"], says: "--tail" },
  { args: ["list", "--url", "ftp://x"], says: "no address of a daemon" },
  { args: ["daemon", "--no-such-setting", "1"], says: "no-such-setting" },
])("the command line $args is refused in one line", async ({ args, says }) => {
  const run = await runCli(args, { environment: { HYDRAFLOW_HOME: "/nonexistent" } });

  expect(run).toMatchObject({ code: 64, stdout: "", stderr: expect.stringContaining(says) });
  expect(run.stderr.trimEnd().split("\n")).toHaveLength(1);
});

test("HYDRAFLOW_DEBUG adds the stack of what was thrown", async () => {
  await using door = await FakeDoor.open({});
  await chmod(join(door.home, "token"), 0o644);

  const run = await runCli(["list"], { environment: { ...door.environment, HYDRAFLOW_DEBUG: "1" } });

  expect(run.stderr).toMatch(/\n +at /);
});

/** A port that nobody listens on: it was bound here and given back. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
