// `hydraflow service` runs as root under a real systemd, and the parser of another vendor reads the plists.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "plist";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Container } from "./container.ts";
import { HOME, INSTALLED, ServiceWorld } from "./service-world.ts";

const LAUNCHD = fileURLToPath(new URL("../../packaging/launchd/", import.meta.url));
const PROGRAM = `${INSTALLED}/bin/hydraflow`;

let container: Container;
let world: ServiceWorld;

beforeAll(async () => {
  container = await Container.boot();
  world = new ServiceWorld(container, PROGRAM);
});

afterAll(async () => {
  await container?.[Symbol.asyncDispose]();
});

test("service install makes all that the service needs, and its next command starts it", async () => {
  const said = await container.must(`${PROGRAM} service install`);

  const next = /^next: (.+)$/m.exec(said)?.[1] ?? "false";
  await container.must(next);
  expect(await world.cli("ping")).toContain("hydraflow");
  expect(await container.must(`stat --format '%a %U' ${HOME} ${HOME}/token`)).toBe("700 hydraflow\n600 hydraflow\n");
  expect(await container.must(`${PROGRAM} service status`)).toContain("service: active");
});

test("a second install changes nothing", async () => {
  const said = await container.must(`${PROGRAM} service install`);

  expect(said.split("\n").filter((line) => line.startsWith("done: ") && !line.includes("run systemctl"))).toEqual([]);
  expect(await world.show("ActiveState")).toBe("active");
});

test("service install refuses to go on without root", async () => {
  const refused = await container.run(`setpriv --reuid nobody --clear-groups ${PROGRAM} service install`);

  expect(refused).toMatchObject({ code: 77, stdout: "" });
});

test("service uninstall stops the service and keeps its state", async () => {
  await container.must(`${PROGRAM} service uninstall`);

  expect(await world.processes()).toEqual([]);
  expect(await container.run("systemctl cat hydraflow")).toMatchObject({ code: 1 });
  expect(await container.run(`test -e ${HOME}/token`)).toMatchObject({ code: 0 });
});

test.for(["io.hydraflow.daemon.plist", "agent/io.hydraflow.daemon.plist"])("plistutil reads %s", async (file) => {
  const directory = await mkdtemp(join(tmpdir(), "hydraflow-plist-"));
  const [binary, text] = [join(directory, "binary"), join(directory, "text")];

  await promisify(execFile)("plistutil", ["-i", LAUNCHD + file, "-o", binary]);
  await promisify(execFile)("plistutil", ["-i", binary, "-o", text]);

  const asRead = parse(await readFile(text, "utf8"));
  await rm(directory, { recursive: true });
  expect(asRead).toEqual(parse(await readFile(LAUNCHD + file, "utf8")));
});
