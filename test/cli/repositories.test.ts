// The commands over repositories: what they ask of the door, what they print, for people and for programs.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

import { runCli } from "./cli-process.ts";
import { FakeDoor, json, TOKEN } from "./fake-door.ts";
import { repoEntry } from "../support/repo-entry.ts";

const PING = { version: "1.2.3", boot_id: "b1", uptime_s: 3_725 };
const ADDED = {
  slug: "acme-web",
  port: 1,
  dashboard_url: "http://127.0.0.1:8766/?repo=acme-web",
  log_file: "/l",
  started: true,
};

test("list prints an aligned table with headings", async () => {
  const stopped = repoEntry({
    slug: "b",
    repo: "x/b",
    state: "stopped",
    desired: "stopped",
    pid: null,
    running: false,
  });
  await using door = await FakeDoor.open({ "GET /api/repos": json({ repos: [repoEntry(), stopped] }) });

  const run = await runCli(["list"], { environment: door.environment });

  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout.split("\n")).toEqual([
    "SLUG      REPOSITORY  STATE                  PID   RESTARTS  NOTICE",
    "acme-web  acme/web    running                4242  0         -",
    "b         x/b         stopped (by operator)  -     0         -",
    "",
  ]);
});

test("list --json prints the answer whole, fields of a newer daemon too", async () => {
  const answer = { repos: [{ ...repoEntry(), added_later: 7 }] };
  await using door = await FakeDoor.open({ "GET /api/repos": json(answer) });

  const run = await runCli(["list", "--json"], { environment: door.environment });

  expect(JSON.parse(run.stdout)).toEqual(answer);
  expect(run.stdout.trim().split("\n")).toHaveLength(1);
});

test("an empty list says how to add a repository", async () => {
  await using door = await FakeDoor.open({ "GET /api/repos": json({ repos: [] }) });

  const run = await runCli(["list"], { environment: door.environment });

  expect(run.stdout).toContain("hydraflow add");
});

test("text from elsewhere reaches the terminal without control characters", async () => {
  const notice = "bad \u001b[31mred\u001b[0m \u202etxet\r\nnext";
  await using door = await FakeDoor.open({ "GET /api/repos": json({ repos: [repoEntry({ notice })] }) });

  const run = await runCli(["list"], { environment: door.environment });

  expect(run.stdout).toContain("bad red  txet next\n");
});

test("the token of the state directory is sent as a bearer token", async () => {
  await using door = await FakeDoor.open({ "GET /api/ping": json(PING) });

  const run = await runCli(["ping"], { environment: door.environment });

  expect(run.stdout).toBe("hydraflow 1.2.3, up 1 h 2 min\n");
  expect(door.seen).toEqual([{ method: "GET", url: "/api/ping", authorization: `Bearer ${TOKEN}`, body: undefined }]);
});

test("HYDRAFLOW_URL and HYDRAFLOW_TOKEN win over the state directory, and --url over both", async () => {
  await using door = await FakeDoor.open({ "GET /api/ping": json(PING) });
  const url = `http://127.0.0.1:${door.port}/`;
  const environment = { HYDRAFLOW_HOME: "/nonexistent", HYDRAFLOW_URL: url, HYDRAFLOW_TOKEN: "other" };

  const byEnvironment = await runCli(["ping", "--json"], { environment });
  const byFlag = await runCli(["ping", "--url", url], {
    environment: { ...environment, HYDRAFLOW_URL: "http://127.0.0.1:1" },
  });

  expect([byEnvironment.code, byFlag.code]).toEqual([0, 0]);
  expect(JSON.parse(byEnvironment.stdout)).toEqual(PING);
  expect(door.seen.map(({ authorization }) => authorization)).toEqual(["Bearer other", "Bearer other"]);
});

test("status without a slug shows the daemon and its repositories as one JSON value", async () => {
  const repos = [repoEntry()];
  await using door = await FakeDoor.open({ "GET /api/ping": json(PING), "GET /api/repos": json({ repos }) });

  const run = await runCli(["status", "--json", "--home", door.home]);

  expect(JSON.parse(run.stdout)).toEqual({ daemon: PING, repos });
});

test("status of one repository says why it is not running", async () => {
  const last_exit = {
    code: 1,
    signal: null,
    at: "2026-01-02T03:04:05Z",
    reason: "crashed five times",
    last_lines: ["TypeError: x is not a function"],
  };
  const entry = repoEntry({ state: "quarantined", pid: null, running: false, restarts: 5, last_exit });
  await using door = await FakeDoor.open({ "GET /api/repos/acme-web/status": json(entry) });

  const run = await runCli(["status", "acme-web"], { environment: door.environment });

  expect(run.stdout).toMatch(/^state +quarantined$/m);
  expect(run.stdout).toMatch(/^last exit +code 1, 2026-01-02T03:04:05Z$/m);
  expect(run.stdout).toMatch(/^notice +crashed five times \(2026-01-02T03:04:05Z\)$/m);
  expect(run.stdout).toContain("Its last lines:\n  TypeError: x is not a function\n");
});

test.for(["start", "stop", "restart"])("%s posts to the repository and prints its new state", async (verb) => {
  const state = verb === "stop" ? "stopped" : "running";
  await using door = await FakeDoor.open({ [`POST /api/repos/acme-web/${verb}`]: json(repoEntry({ state })) });

  const run = await runCli([verb, "acme-web"], { environment: door.environment });

  expect(run).toMatchObject({ code: 0, stdout: `acme-web: ${state}\n` });
});

test("add sends a directory as an absolute path", async () => {
  await using door = await FakeDoor.open({ "POST /api/repos": json(ADDED, 201) });
  await mkdir(join(door.home, "work", "web"), { recursive: true });

  const run = await runCli(["add", "work/web", "--repo-slug", "acme/web"], {
    environment: door.environment,
    directory: door.home,
  });

  expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining("acme-web: added and started") });
  expect(door.seen[0]?.body).toEqual({ path: join(door.home, "work", "web"), repo_slug: "acme/web" });
});

test.for(["acme/web", "https://github.com/acme/web.git", "git@github.com:acme/web.git"])(
  "add sends %s as a repository to clone",
  async (target) => {
    await using door = await FakeDoor.open({ "POST /api/repos": json({ ...ADDED, started: false }) });

    const run = await runCli(["add", target], { environment: door.environment, directory: door.home });

    expect(run.stdout).toContain("was running already");
    expect(door.seen[0]?.body).toEqual({ repo: target });
  },
);

test("a directory named like a repository is the directory", async () => {
  await using door = await FakeDoor.open({ "POST /api/repos": json(ADDED, 201) });
  await mkdir(join(door.home, "acme", "web"), { recursive: true });

  await runCli(["add", "acme/web"], { environment: door.environment, directory: door.home });

  expect(door.seen[0]?.body).toEqual({ path: join(door.home, "acme", "web") });
});

test("remove passes --force on", async () => {
  await using door = await FakeDoor.open({
    "DELETE /api/repos/acme-web": json({ slug: "acme-web" }),
    "DELETE /api/repos/acme-web?force=true": json({ slug: "acme-web" }),
  });

  const gentle = await runCli(["remove", "acme-web"], { environment: door.environment });
  const forced = await runCli(["remove", "acme-web", "--force", "--json"], { environment: door.environment });

  expect([gentle.code, forced.code]).toEqual([0, 0]);
  expect(JSON.parse(forced.stdout)).toEqual({ slug: "acme-web" });
  expect(door.seen.map(({ url }) => url)).toEqual(["/api/repos/acme-web", "/api/repos/acme-web?force=true"]);
});

test("restart --all --rolling goes through the running ones, one after the other", async () => {
  const repos = [
    repoEntry({ slug: "acme-web" }),
    repoEntry({ slug: "acme-off", state: "stopped", running: false }),
    repoEntry({ slug: "acme-api" }),
  ];
  await using door = await FakeDoor.open({
    "GET /api/repos": json({ repos }),
    "POST /api/repos/acme-web/restart?rolling=true": json(repoEntry({ slug: "acme-web" })),
    "POST /api/repos/acme-api/restart?rolling=true": json(repoEntry({ slug: "acme-api" })),
  });

  const run = await runCli(["restart", "--all", "--rolling"], { environment: door.environment });
  const atOnce = await runCli(["restart", "--all"], { environment: door.environment });

  expect(run).toMatchObject({ code: 0, stdout: "acme-web: running\nacme-api: running\n" });
  expect(atOnce).toMatchObject({ code: 64, stdout: "" });
});

test("reload says what changed and what waits for a restart", async () => {
  const reply = { changed: ["maxWorkers", "tcpPort"], needs_restart: ["tcpPort"], restarting: ["acme-web"] };
  await using door = await FakeDoor.open({ "POST /api/reload": json(reply) });

  const run = await runCli(["reload"], { environment: door.environment });

  expect(run.stdout).toBe(
    "changed: maxWorkers, tcpPort\nin use after a restart of the daemon: tcpPort\nrestarted one by one: acme-web\n",
  );
});
