// The system service runs under a real systemd, from the first start to a reboot. The tests stand in the order of a
// service's life and build on each other.

import { afterAll, beforeAll, expect, test } from "vitest";

import { EXIT_CODES } from "../../src/core/base/exit-code.ts";
import { parseJsonObject } from "../../src/core/files/json-lines.ts";
import { Container } from "./container.ts";
import { HOME, INSTALLED, REPOSITORIES, ServiceWorld } from "./service-world.ts";

const EXPOSURE_MAX = 1.5;

let container: Container;
let world: ServiceWorld;

beforeAll(async () => {
  container = await Container.boot();
  world = new ServiceWorld(container, `${INSTALLED}/bin/hydraflow`);
  await container.must(`useradd --system --home-dir ${HOME} --shell /usr/sbin/nologin hydraflow`);
  await container.must(`cp ${INSTALLED}/packaging/systemd/hydraflow.service /etc/systemd/system/`);
  await world.startForge();
  await world.configure();
});

afterAll(async () => {
  await container?.[Symbol.asyncDispose]();
});

test("systemctl start returns when the daemon is ready", async () => {
  await container.must("systemctl daemon-reload && systemctl enable --now hydraflow");

  expect(await world.cli("ping")).toContain("hydraflow");
  expect(await world.show("ActiveState")).toBe("active");
});

test("three repositories are added, each with one worker", async () => {
  for (const repository of REPOSITORIES) await world.cli(`add ${repository}`);

  await container.until("all repositories run", () => world.allRunning());
  expect(await world.workers()).toHaveLength(REPOSITORIES.length);
});

test("a unit that is started twice is still one daemon, and one started by hand beside it is refused", async () => {
  const pid = await world.show("MainPID");
  const byHand = `runuser -u hydraflow -- env HYDRAFLOW_HOME=${HOME} ${world.program} daemon --tcp-port 0 --http-port 0`;

  await container.must("systemctl start hydraflow");
  const refused = await container.run(byHand);

  expect(await world.show("MainPID")).toBe(pid);
  expect(refused).toMatchObject({ code: 75, stderr: expect.stringContaining(`another daemon with pid ${pid}`) });
  expect(await world.allRunning()).toBe(true);
});

test("a killed supervisor comes back with no second worker, and every run under way is finished once", async () => {
  await world.fileIssues();
  await container.until("work is in flight", async () => (await world.processes()).length > REPOSITORIES.length + 1);
  const killed = await world.show("MainPID");

  await container.must(`kill -KILL ${killed}`);

  await container.until("the daemon is back", async () => !["0", killed].includes(await world.show("MainPID")));
  await container.until("all repositories run again", () => world.allRunning());
  const pids = (await world.repositories()).map(({ pid }) => pid);
  expect(new Set(await world.workers())).toEqual(new Set(pids));
  await container.until("every issue is merged", () => world.allMergedOnce());
});

test("a killed worker is replaced, and the others run on", async () => {
  const [target, ...others] = await world.repositories();

  await container.must(`kill -KILL ${target?.pid}`);

  await container.until("the worker is replaced", async () => {
    const now = (await world.repositories()).find(({ slug }) => slug === target?.slug);
    return now?.state === "running" && now.pid !== target?.pid;
  });
  const after = await world.repositories();
  expect(after.filter(({ slug }) => slug !== target?.slug)).toMatchObject(
    others.map(({ slug, pid }) => ({ slug, pid })),
  );
});

test("systemctl reload reaches the daemon and does not restart it", async () => {
  const before = await world.show("MainPID");

  await container.must("systemctl reload hydraflow");

  expect(await world.show("MainPID")).toBe(before);
  expect(await world.cli("ping")).toContain("hydraflow");
});

test("stop leaves no process behind", async () => {
  await container.must("systemctl stop hydraflow");

  expect(await world.show("Result")).toBe("success");
  expect(await world.processes()).toEqual([]);
});

test("the next start restores every repository", async () => {
  await container.must("systemctl start hydraflow");

  await container.until("all repositories run", () => world.allRunning());
});

test("a wrong configuration fails the start with its reason and is not tried again", async () => {
  await world.configure({ pollIntervalMs: "soon" });

  const restarted = await container.run("systemctl restart hydraflow");

  expect(restarted.code).not.toBe(0);
  expect(await world.show("ActiveState")).toBe("failed");
  expect(await world.show("ExecMainStatus")).toBe(String(EXIT_CODES.badConfig.code));
  expect(await world.show("NRestarts")).toBe("0");
  expect(await container.must("journalctl --unit hydraflow --lines 20 --output cat")).toContain("pollIntervalMs");
  await world.configure();
  await container.must("systemctl start hydraflow");
});

test("the unit is hardened", async () => {
  const overall = /exposure level for hydraflow\.service: (\d+\.\d+)/.exec(
    await container.must("systemd-analyze security --no-pager hydraflow"),
  );

  expect(Number(overall?.[1])).toBeGreaterThan(0);
  expect(Number(overall?.[1])).toBeLessThanOrEqual(EXPOSURE_MAX);
});

test("the journal has the daemon's records as JSON", async () => {
  const lines = (await container.must("journalctl --unit hydraflow --output json"))
    .trim()
    .split("\n")
    .map((line) => parseJsonObject(line));

  const records = lines.map((entry) => parseJsonObject(String(entry?.["MESSAGE"])));
  expect(lines.every((entry) => entry !== undefined)).toBe(true);
  expect(records.map((record) => record?.["msg"])).toEqual(
    expect.arrayContaining(["daemon.starting", "daemon.ready", "daemon.stopped"]),
  );
});

test("after a reboot the service comes back by itself with all repositories", async () => {
  const before = (await world.repositories()).map(({ slug }) => slug);
  await container.until("all repositories run", () => world.allRunning());

  await container.reboot();

  await container.until("all repositories run", () => world.allRunning());
  expect((await world.repositories()).map(({ slug }) => slug)).toEqual(before);
});
