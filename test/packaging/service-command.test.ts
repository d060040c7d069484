// `hydraflow service` is seen here without root: what it would do, prints and refuses.

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

import { runCli } from "../cli/cli-process.ts";
import { makeTemporaryDirectory } from "../support/temporary-directory.ts";

test("print writes the unit with absolute paths of the runtime that runs it", async () => {
  const run = await runCli(["service", "print", "--user"]);

  const program =
    /^ExecStart=(\S+) (\S+) daemon$/m.exec(run.stdout) ??
    /<string>(\/[^<]+)<\/string>\s*<string>([^<]+)</.exec(run.stdout);
  expect(run.code).toBe(0);
  expect(program?.[1]).toBe(process.execPath);
  expect(program?.[2]).toMatch(/^\/.*main\.ts$/);
});

test("install --dry-run names every step and the next command, and changes nothing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "hydraflow-service-"));

  const run = await runCli(["service", "install", "--user", "--dry-run"], { environment: { HOME: directory } });

  await expect(rm(join(directory, ".hydraflow"), { recursive: true })).rejects.toThrow("ENOENT");
  await rm(directory, { recursive: true });
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout).toContain(`would do: admin token ${directory}/.hydraflow/token`);
  expect(run.stdout).toMatch(/^next: /m);
  expect(run.stdout).not.toMatch(/^done/m);
});

test("uninstall --dry-run names every step and what is kept, and takes nothing away", async () => {
  await using home = await makeTemporaryDirectory();
  const file =
    process.platform === "linux"
      ? ".config/systemd/user/hydraflow.service"
      : "Library/LaunchAgents/io.hydraflow.daemon.plist";
  await mkdir(dirname(home.file(file)), { recursive: true });
  await writeFile(home.file(file), "as it was");

  const run = await runCli(["service", "uninstall", "--user", "--dry-run"], { environment: { HOME: home.path } });

  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout).toContain(`would do: remove ${home.file(file)}\n`);
  expect(run.stdout).toContain(`kept: ${home.file(".hydraflow")}\n`);
  expect(run.stdout).not.toMatch(/^done/m);
  expect(await readFile(home.file(file), "utf8")).toBe("as it was");
});

test("status of a service that is not there ends with 69 and the command that installs it", async () => {
  const run = await runCli(["service", "status", "--user", "--json"], { environment: { HOME: "/nonexistent" } });

  expect(run.code).toBe(69);
  expect(JSON.parse(run.stdout)).toMatchObject({ installed: false, current: false, active: false });
  expect(run.stderr).toContain("hydraflow service install --user");
});
