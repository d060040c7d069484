// The files in packaging/ are the templates of `hydraflow service`, filled for an installation in /opt/hydraflow, and
// say what core's tables say. After a change of a template: `npm test -- test/packaging --update`.

import { readFileSync } from "node:fs";
import { parse } from "plist";
import { expect, test } from "vitest";

import { launchdPlist } from "../../src/cli/service/launchd-plist.ts";
import {
  LAUNCHD_HOME,
  LINUX_PATH,
  MACOS_PATH,
  type ServiceLayout,
  SYSTEM_HOME,
} from "../../src/cli/service/service-layout.ts";
import { systemdUnit } from "../../src/cli/service/systemd-unit.ts";
import { STOP_GRACE_MS } from "../../src/core/messages/worker-message.ts";

type Job = Record<string, unknown>;

const packaging = new URL("../../packaging/", import.meta.url);
const INSTALLED = {
  program: ["/opt/hydraflow/bin/hydraflow"],
  documentation: "file:///opt/hydraflow/docs/operations.md",
};
const LINUX: ServiceLayout = { ...INSTALLED, scope: "system", home: SYSTEM_HOME, path: LINUX_PATH };
const MACOS: ServiceLayout = { ...INSTALLED, scope: "system", home: LAUNCHD_HOME, path: MACOS_PATH };
const AGENT: ServiceLayout = { ...MACOS, scope: "user", home: "/Users/you/.hydraflow" };

test.for([
  { file: "systemd/hydraflow.service", content: systemdUnit(LINUX) },
  { file: "systemd/user/hydraflow.service", content: systemdUnit({ ...LINUX, scope: "user", home: undefined }) },
  { file: "launchd/io.hydraflow.daemon.plist", content: launchdPlist(MACOS) },
  { file: "launchd/agent/io.hydraflow.daemon.plist", content: launchdPlist(AGENT) },
])("packaging/$file is the template, filled", async ({ file, content }) => {
  await expect(content).toMatchFileSnapshot(new URL(file, packaging).pathname);
});

test("the daemon's plist keeps it alive after a failure, runs it as its own user and gives it the time it needs", () => {
  const job = readPlist("launchd/io.hydraflow.daemon.plist");

  expect(job).toMatchObject({
    Label: "io.hydraflow.daemon",
    UserName: "_hydraflow",
    ProgramArguments: ["/opt/hydraflow/bin/hydraflow", "daemon", "--home", LAUNCHD_HOME],
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    Umask: 0o077,
    AbandonProcessGroup: false,
    ProcessType: "Standard",
  });
  expect(Number(job["ExitTimeOut"]) * 1_000).toBeGreaterThan(STOP_GRACE_MS);
});

test("no plist holds a port, a setting or a secret: ports and settings are the program's own", () => {
  for (const file of ["launchd/io.hydraflow.daemon.plist", "launchd/agent/io.hydraflow.daemon.plist"]) {
    const job = readPlist(file);
    const given = Object.keys(job["EnvironmentVariables"] as object);
    expect(given.filter((name) => !["HOME", "PATH"].includes(name))).toEqual([]);
    expect((job["ProgramArguments"] as string[]).filter((word) => word.startsWith("--"))).toEqual(["--home"]);
  }
});

test("a user's agent has no user name of its own, and its label is the daemon's", () => {
  const agent = readPlist("launchd/agent/io.hydraflow.daemon.plist");

  expect(agent["UserName"]).toBeUndefined();
  expect(agent["Label"]).toBe(readPlist("launchd/io.hydraflow.daemon.plist")["Label"]);
});

test("words with blanks, quotes and signs of systemd and XML reach the program as they are", () => {
  const program = ['/opt/my tools/100%/"node"', "/opt/a&b/<cli>.js"];

  const unit = systemdUnit({ ...LINUX, program });
  const job = parse(launchdPlist({ ...MACOS, program })) as Job;

  expect(unit).toContain('ExecStart="/opt/my tools/100%%/\\"node\\"" /opt/a&b/<cli>.js daemon\n');
  expect(job["ProgramArguments"]).toEqual([...program, "daemon", "--home", LAUNCHD_HOME]);
});

test("systemd gives the daemon longer to stop than the daemon gives its workers", () => {
  const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(systemdUnit(LINUX))?.[1]);

  expect(seconds * 1_000).toBeGreaterThan(STOP_GRACE_MS);
});

function readPlist(file: string): Job {
  return parse(readFileSync(new URL(file, packaging), "utf8")) as Job;
}
