// `hydraflow config`: which values are in force, where they come from, and what is never printed.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { configSchema } from "../../src/core/config/config.ts";
import { SETTING_DESCRIPTIONS } from "../../src/core/config/setting-descriptions.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../support/temporary-directory.ts";
import { runCli } from "./cli-process.ts";

interface Row {
  readonly setting: string;
  readonly value: unknown;
  readonly source: string;
  readonly description: string;
}

async function homeWith(directory: TemporaryDirectory, config: unknown): Promise<string> {
  const home = join(directory.path, "home");
  await mkdir(home, { mode: 0o700 });
  await writeFile(join(home, "config.json"), JSON.stringify(config));
  return home;
}

test("it gives each setting with its value, its source and its sentence", async () => {
  await using directory = await makeTemporaryDirectory();
  const home = await homeWith(directory, { tcpPort: 0, maxWorkers: 4 });

  const run = await runCli(["config", "--json"], { environment: { HYDRAFLOW_HOME: home, HYDRAFLOW_MAX_WORKERS: "3" } });

  const { settings } = JSON.parse(run.stdout) as { settings: Row[] };
  const find = (name: string) => settings.find(({ setting }) => setting === name);
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(settings.map(({ setting }) => setting)).toEqual(Object.keys(configSchema.shape));
  expect(find("tcpPort")).toMatchObject({ value: 0, source: join(home, "config.json") });
  expect(find("maxWorkers")).toMatchObject({ value: 3, source: "environment" });
  expect(find("maxReviewers")).toMatchObject({ value: 2, source: "default" });
  expect(find("baseBranch")).toMatchObject({ value: null, source: "default" });
  expect(settings.map(({ description }) => description)).toEqual(Object.values(SETTING_DESCRIPTIONS));
});

test("it prints a table, and no secret that stands in a value", async () => {
  await using directory = await makeTemporaryDirectory();
  const home = await homeWith(directory, {
    gateCommand: "curl -H 'token: a-secret-of-the-operator' example.org",
    githubApiUrl: "https://user:password-in-a-url@git.example.org/api/v3",
  });

  const environment = { HYDRAFLOW_HOME: home, GITHUB_TOKEN: "a-secret-of-the-operator" };
  const run = await runCli(["config"], { environment });

  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout).toMatch(/^SETTING +VALUE +SOURCE +MEANING\ntcpPort +8765 +default +TCP port/);
  expect(run.stdout).toContain("git.example.org/api/v3");
  expect(run.stdout).not.toMatch(/a-secret-of-the-operator|password-in-a-url/);
});

test("no secret stands in what it says of a wrong configuration, and no number is taken for one", async () => {
  await using directory = await makeTemporaryDirectory();
  const home = await homeWith(directory, { agentEnvironment: ["PROVIDER_KEY"], gateCommand: "x provider-secret" });
  const environment = { HYDRAFLOW_HOME: home, PROVIDER_KEY: "provider-secret", HYDRAFLOW_TOKEN: "10485760" };

  const right = await runCli(["config", "--json"], { environment });
  const wrong = await runCli(["config"], {
    environment: { ...environment, HYDRAFLOW_AGENT_DRIVER: "provider-secret" },
  });

  expect(right.code).toBe(0);
  expect(right.stdout).not.toContain("provider-secret");
  expect(JSON.parse(right.stdout)).toMatchObject({ file: join(home, "config.json") });
  expect(wrong.code).toBe(78);
  expect(wrong.stderr).toContain("HYDRAFLOW_AGENT_DRIVER");
  expect(wrong.stderr).not.toContain("provider-secret");
});

test("it says where it looked when there is no file", async () => {
  await using directory = await makeTemporaryDirectory();
  const environment = { HYDRAFLOW_HOME: join(directory.path, "none") };

  const table = await runCli(["config"], { environment });
  const json = await runCli(["config", "--json"], { environment });

  expect(table).toMatchObject({ code: 0, stderr: `${join(directory.path, "none", "config.json")} is not there\n` });
  expect(JSON.parse(json.stdout)).toMatchObject({ file: null });
});

test("a wrong configuration ends with 78 and names every problem", async () => {
  await using directory = await makeTemporaryDirectory();
  const home = await homeWith(directory, { tcpPort: -1, unknown: true });

  const run = await runCli(["config"], { environment: { HYDRAFLOW_HOME: home } });

  expect(run).toMatchObject({ code: 78, stdout: "" });
  expect(run.stderr).toMatch(/tcpPort.*unknown/);
});
