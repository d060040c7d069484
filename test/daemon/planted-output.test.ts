// Agents are the same user as the supervisor: what they put in place of a worker's files must not hold its event loop.

import { execFileSync } from "node:child_process";
import { lstat, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { ask, Rig, until } from "./daemon-rig.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

it("a pipe in place of what a worker prints and logs holds nobody: the daemon answers and the worker is replaced", async () => {
  const daemon = await rig.daemonProcess({ respawnDelayMs: 20, respawnDelayMaxMs: 40 });
  await ask(daemon.port, { action: "add_repo", path: await rig.checkout("web", "https://github.com/acme/web.git") });
  const logs = join(rig.home, "acme-web", "logs");
  for (const name of ["worker.stderr.log", "worker.log"]) {
    await rm(join(logs, name), { force: true });
    execFileSync("mkfifo", [join(logs, name)]);
  }
  const before = await ask(daemon.port, { action: "repo_status", slug: "acme-web" });

  process.kill(Number(before["pid"]), "SIGKILL");
  const after = await until("the next worker", async () => {
    const entry = await ask(daemon.port, { action: "repo_status", slug: "acme-web" });
    return entry["state"] === "running" && entry["pid"] !== before["pid"] && entry;
  });

  expect(after["generation"]).toBe(2);
  expect((await lstat(join(logs, "worker.stderr.log"))).isFile()).toBe(true);
});
