// The program as a whole: version, help, completion, the launcher, and the flags that become settings.

import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import yargs from "yargs";

import { addSettingFlags, readSettingFlags } from "../../src/cli/grammar/setting-flags.ts";
import manifest from "../../package.json" with { type: "json" };
import { runCli } from "./cli-process.ts";
import { FakeDoor } from "./fake-door.ts";

const LAUNCHER = fileURLToPath(new URL("../../bin/hydraflow", import.meta.url));
const VERSION_LINE = { name: "hydraflow", version: manifest.version, node: process.version };
const COMMANDS =
  "daemon worker forge add remove list ping status start stop restart config reload drain logs hitl explain open service demo version completion";

test("version says name, version and runtime", async () => {
  const run = await runCli(["version"]);

  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(run.stdout)).toEqual(VERSION_LINE);
});

test("help names every command", async () => {
  const run = await runCli(["--help"]);

  const named = [...run.stdout.matchAll(/^ {2}hydraflow (\S+)/gm)].map(([, name]) => name);
  expect(run.code).toBe(0);
  expect(new Set(named)).toEqual(new Set(COMMANDS.split(" ")));
});

test.for([
  { shell: "/bin/bash", says: "complete -o" },
  { shell: "/bin/zsh", says: "#compdef hydraflow" },
])("completion prints the script for $shell", async ({ shell, says }) => {
  const run = await runCli(["completion"], { environment: { SHELL: shell } });

  expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining(says) });
});

test.for([
  { words: ["sta"], offers: ["start", "status"] },
  { words: ["stop", ""], offers: ["acme-web", "b-c"] },
  { words: ["hitl", ""], offers: ["answer", "list"] },
  { words: ["hitl", "answer", "a"], offers: ["acme-web"] },
  { words: ["hitl", "answer", "acme-web", "--"], offers: ["--skip", "--close", "--reason"] },
  { words: ["list", "--j"], offers: ["--json"] },
])("completion of $words offers $offers", async ({ words, offers }) => {
  await using door = await FakeDoor.open({}, ["acme-web", "b-c"]);

  const run = await runCli(["--get-yargs-completions", "hydraflow", ...words], { environment: door.environment });

  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout.split("\n")).toEqual(expect.arrayContaining(offers));
});

test("the launcher works through a symbolic link, from any directory, without node on PATH", async () => {
  const directory = await mkdtemp(join(tmpdir(), "hydraflow-bin-"));
  await symlink(LAUNCHER, join(directory, "one"));
  await symlink("one", join(directory, "two"));

  const { stdout } = await promisify(execFile)(join(directory, "two"), ["version"], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", HOME: directory },
  });

  await rm(directory, { recursive: true });
  expect(JSON.parse(stdout)).toMatchObject({ name: "hydraflow", version: manifest.version });
});

test("only flags that were given become settings, each by its own type", async () => {
  const args = [
    "--tcp-port",
    "0",
    "--tcp-auth",
    "none",
    "--merge-without-checks",
    "--agent-environment",
    "A_KEY,B_KEY",
    "--agent-model",
    "7",
  ];
  const options = await addSettingFlags(yargs([])).parseAsync(args);

  expect(readSettingFlags(options)).toEqual({
    tcpPort: 0,
    tcpAuth: "none",
    mergeWithoutChecks: true,
    agentEnvironment: ["A_KEY", "B_KEY"],
    agentModel: "7",
  });
});
