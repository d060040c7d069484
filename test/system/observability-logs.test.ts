// Debian's rsyslog follows the log directories of the built daemon, with the configuration that we ship.

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { workerPaths } from "../../src/core/files/paths.ts";
import { type Forge, startForge } from "../../src/forge/forge.ts";
import { type DaemonRig, until } from "../support/daemon-rig.ts";
import { debianProgram, RunningProgram } from "../support/debian-program.ts";
import { makeTemporaryDirectory } from "../support/temporary-directory.ts";
import { addClone, startObserved } from "./observed-daemon.ts";

const NAMES = ["web", "api", "tasks"];
/** Each issue is logged when a worker begins; together they are more than one log file takes. */
const ISSUES = 200;
const LOG_FILE_BYTES_MAX = 65_536;
const TITLE = "A title as long as they come, ".repeat(8);

test("lines of three repositories reach rsyslog once each and tagged, over rotations and the death of every worker", async () => {
  const rsyslogd = debianProgram("rsyslogd", "rsyslog");
  await using world = await makeTemporaryDirectory();
  await using forge = await startForge({ port: 0, dataDir: join(world.path, "forge"), ci: { command: "true" } });
  await using rig = await startObserved(forge, world.path, {
    pollIntervalMs: 1_000,
    logFileBytesMax: LOG_FILE_BYTES_MAX,
    logFilesMax: 20,
    respawnDelayMs: 100,
  });
  const out = join(world.path, "out");
  await using rsyslog = await startRsyslog(rsyslogd, rig.paths.home, world.path, out);
  for (const name of NAMES) await addRepository(rig, forge, world.path, name);
  await untilTold(rig, ISSUES);

  for (const { pid } of await rig.repositories()) process.kill(pid ?? 0, "SIGKILL");
  await untilTold(rig, 2 * ISSUES);
  await rig.stop();

  const written = new Map<string, string[]>();
  for (const name of NAMES) written.set(`acme-${name}`, await writtenLines(rig, `acme-${name}`));
  written.set("supervisor", await linesBelow(dirname(rig.paths.logFile), /^supervisor(\.\d+)?\.log$/));
  await until(async () => {
    rsyslog.assertRunning();
    return (await linesBelow(out, /\.log$/)).length >= [...written.values()].flat().length;
  }, "rsyslog has written as many lines as the daemon has");
  await rsyslog[Symbol.asyncDispose]();
  expect((await readdir(out)).toSorted()).toEqual([...written.keys()].map((slug) => `${slug}.log`).toSorted());
  for (const [slug, lines] of written) {
    if (slug !== "supervisor") expect(await rotatedFiles(rig, slug)).toBeGreaterThanOrEqual(2);
    expect((await linesBelow(out, new RegExp(`^${slug}\\.log$`))).toSorted()).toEqual(lines.toSorted());
  }
});

test("every record has the fields that the operations page promises, under the names that it promises", async () => {
  await using world = await makeTemporaryDirectory();
  await using forge = await startForge({ port: 0, dataDir: join(world.path, "forge"), ci: { command: "true" } });
  await using rig = await startObserved(forge, world.path, {
    logFileBytesMax: LOG_FILE_BYTES_MAX,
  });
  await addRepository(rig, forge, world.path, "web");
  await untilTold(rig, ISSUES);
  await rig.stop();

  const ofWorker = (await writtenLines(rig, "acme-web")).map((line) => JSON.parse(line) as Record<string, unknown>);
  const ofDaemon = (await linesBelow(dirname(rig.paths.logFile), /^supervisor/)).map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  );
  for (const record of [...ofWorker, ...ofDaemon]) {
    expect(record).toMatchObject({
      ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      level: expect.stringMatching(/^(?:debug|info|warn|error)$/),
      msg: expect.stringMatching(/^[a-z-]+\.[a-z-]+$/),
    });
  }
  for (const record of ofWorker) expect(record).toMatchObject({ repo: "acme-web", generation: 1 });
  for (const record of ofDaemon) expect(record).toMatchObject({ boot_id: expect.any(String) });
  expect(ofWorker).toContainEqual(expect.objectContaining({ msg: "issue.found", issue: ISSUES, stage: "hitl" }));
});

/** The issues wait for a person: each worker that begins logs them once, and nobody works on them. */
async function addRepository(rig: DaemonRig, forge: Forge, directory: string, name: string): Promise<void> {
  await forge.createRepository({ owner: "acme", name, files: { "README.md": `${name}\n` } });
  for (let number = 1; number <= ISSUES; number += 1) {
    await forge.createIssue(`acme/${name}`, { title: `${TITLE}${number}`, body: "", labels: ["hydraflow-hitl"] });
  }
  await addClone(rig, forge, directory, name);
}

async function untilTold(rig: DaemonRig, count: number): Promise<void> {
  await until(async () => {
    const slugs = (await rig.repositories()).map(({ slug }) => slug);
    const told = await Promise.all(
      slugs.map(
        async (slug) => (await writtenLines(rig, slug)).filter((line) => line.includes('"msg":"issue.found"')).length,
      ),
    );
    return told.every((each) => each >= count);
  }, `${count} issues are told by every worker`);
}

/** Starts rsyslog with the configuration that we ship, but for the places of a test. */
async function startRsyslog(path: string, home: string, directory: string, out: string): Promise<RunningProgram> {
  const shipped = await readFile(
    fileURLToPath(new URL("../../packaging/logging/rsyslog.conf", import.meta.url)),
    "utf8",
  );
  const work = join(directory, "rsyslog");
  await mkdir(work);
  await mkdir(out);
  const config = shipped.replaceAll("/var/lib/hydraflow", home).replaceAll("/var/log/hydraflow", out);
  const file = join(work, "rsyslog.conf");
  await writeFile(file, `global(workDirectory="${work}")\n${config}`);
  return new RunningProgram(path, ["-n", "-f", file, "-i", join(work, "pid")]);
}

async function rotatedFiles(rig: DaemonRig, slug: string): Promise<number> {
  const names = await readdir(dirname(workerPaths(join(rig.paths.home, slug)).logFile));
  return names.filter((name) => /^worker\.\d+\.log$/.test(name)).length;
}

function writtenLines(rig: DaemonRig, slug: string): Promise<string[]> {
  return linesBelow(dirname(workerPaths(join(rig.paths.home, slug)).logFile), /^worker(\.\d+)?\.log$/);
}

async function linesBelow(directory: string, pattern: RegExp): Promise<string[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => pattern.test(name));
  // A file that is renamed under our eyes is read at the next look.
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8").catch(() => "")));
  return texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
}
