// The Debian package under a real systemd: installed, upgraded while it works, purged. The tests build on each other.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Container } from "./container.ts";
import { HOME, REPOSITORIES, ServiceWorld } from "./service-world.ts";

const BUILD = fileURLToPath(new URL("../../scripts/build-deb.mjs", import.meta.url));

let directory: string;
let first: string;
let second: string;
let container: Container;
let world: ServiceWorld;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hydraflow-packages-"));
  first = await build("1.0.0");
  second = await build("1.0.1");
  container = await Container.boot({ binds: { [directory]: "/opt/packages" } });
  world = new ServiceWorld(container, "hydraflow");
  // An image for containers forbids packages to start services; a machine does not.
  await container.must("rm -f /usr/sbin/policy-rc.d");
});

afterAll(async () => {
  await container?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

test("lintian finds no error", async () => {
  const checked = await container.run(`lintian --fail-on error --allow-root /opt/packages/${basename(first)}`);

  expect(checked, checked.stdout).toMatchObject({ code: 0 });
});

test("installing it makes the user and starts the service", async () => {
  await container.must(`dpkg --install /opt/packages/${basename(first)}`);

  expect(await world.show("ActiveState")).toBe("active");
  expect(await world.show("UnitFileState")).toBe("enabled");
  expect(await container.must(`stat --format '%a %U' ${HOME}`)).toBe("700 hydraflow\n");
  expect(await world.cli("ping")).toContain("hydraflow");
});

test("an upgrade restarts it with every repository and loses no run", async () => {
  await world.startForge();
  await world.configure();
  await container.must("systemctl restart hydraflow");
  for (const repository of REPOSITORIES) await world.cli(`add ${repository}`);
  await world.fileIssues();
  await container.until("work is in hand", async () => (await world.processes()).length > REPOSITORIES.length + 1);
  const before = await world.show("MainPID");

  await container.must(`dpkg --install /opt/packages/${basename(second)}`);

  expect(await world.show("MainPID")).not.toBe(before);
  await container.until("all repositories run", () => world.allRunning());
  await container.until("every issue is merged", () => world.allMergedOnce());
});

test("removing it stops everything and keeps the state, purging takes the state away", async () => {
  await container.must("dpkg --remove hydraflow");

  expect(await world.processes()).toEqual([]);
  expect(await container.run(`test -e ${HOME}/supervisor-state.json`)).toMatchObject({ code: 0 });

  await container.must("dpkg --purge hydraflow");

  expect(await container.run(`test -e ${HOME} -o -e /usr/lib/hydraflow -o -e /usr/bin/hydraflow`)).toMatchObject({
    code: 1,
  });
});

async function build(version: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [BUILD, directory, version]);
  return stdout.trim();
}
