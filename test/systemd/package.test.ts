// The Debian package is installed, upgraded while it works, and purged under a real systemd. The tests build on each
// other.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Container } from "./container.ts";
import { HOME, REPOSITORIES, ServiceWorld, type Turn } from "./service-world.ts";

const BUILD = fileURLToPath(new URL("../../scripts/build-deb.mjs", import.meta.url));

let directory: string;
let older: string;
let newer: string;
let container: Container;
let world: ServiceWorld;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hydraflow-packages-"));
  older = await build("1.0.0");
  newer = await build("1.0.1");
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
  const checked = await container.run(`lintian --fail-on error --allow-root /opt/packages/${basename(older)}`);

  expect(checked, checked.stdout).toMatchObject({ code: 0 });
});

test("installing it makes the user and starts the service", async () => {
  await container.must(`dpkg --install /opt/packages/${basename(older)}`);

  expect(await world.show("ActiveState")).toBe("active");
  expect(await world.show("UnitFileState")).toBe("enabled");
  expect(await container.must(`stat --format '%a %U' ${HOME}`)).toBe("700 hydraflow\n");
  expect(await world.cli("ping")).toContain("hydraflow");
});

test("an upgrade waits for the turns in flight, and the new daemon goes on behind them", async () => {
  await world.startForge();
  await world.useGatedAgent();
  await container.must("systemctl restart hydraflow");
  for (const repository of REPOSITORIES) await world.cli(`add ${repository}`);
  await world.hold();
  await world.fileIssues();
  await container.until("every turn is in flight", async () => (await world.turns()).length === REPOSITORIES.length);
  const before = await world.show("MainPID");

  const upgrade = container.must(`dpkg --install /opt/packages/${basename(newer)}`);
  await container.until("the daemon drains", async () =>
    (await world.repositories()).every(({ draining }) => draining),
  );
  await world.release();
  const said = await upgrade;

  expect(said.match(/: finished #\d+ implement$/gm)).toHaveLength(REPOSITORIES.length);
  expect(await world.show("MainPID")).not.toBe(before);
  await container.until("all repositories run", () => world.allRunning());
  await container.until("every issue is merged", () => world.allMergedOnce());
  expect(await world.turns()).toHaveLength(REPOSITORIES.length);
});

test("an upgrade that does not wait loses no turn: the new daemon resumes each", async () => {
  await world.forgetTurns();
  await world.hold();
  await world.fileIssues(1);
  await container.until("every turn is in flight", async () => (await world.turns()).length === REPOSITORIES.length);
  const first = await world.turns();

  const upgrade = container.must(`dpkg --install /opt/packages/${basename(older)}`);
  await container.until("the daemon drains", async () =>
    (await world.repositories()).every(({ draining }) => draining),
  );
  await container.must("pkill --full --signal INT 'cli[.]js drain'");
  await upgrade;

  await container.until("every turn is in flight again", async () => (await world.turns()).length === 2 * first.length);
  const sessions = (turns: readonly Turn[]): string[] => turns.map(({ session }) => session).toSorted();
  const resumed = (await world.turns()).slice(first.length);
  expect(sessions(resumed)).toEqual(sessions(first));
  expect(resumed.every(({ isResumed }) => isResumed)).toBe(true);
  await world.release();
  await container.until("every issue is merged", () => world.allMergedOnce());
  // A review may have sent one back, which is a turn of its own; none was begun twice.
  expect((await world.turns()).filter(({ isResumed }) => isResumed)).toHaveLength(first.length);
});

test("an upgrade that is broken off takes its drain back", async () => {
  await container.must("sh /var/lib/dpkg/info/hydraflow.prerm upgrade 9.9.9");
  expect((await world.repositories()).every(({ draining }) => draining)).toBe(true);

  await container.must("sh /var/lib/dpkg/info/hydraflow.postinst abort-upgrade 9.9.9");

  await container.until("issues are taken again", async () =>
    (await world.repositories()).every(({ draining }) => !draining),
  );
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
