import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";

import { afterEach, describe, expect, it } from "vitest";

import { childIdentity, type ProcessIdentity } from "../../../src/core/processes/process-tree.ts";
import { endRecordedGroups, recordGroup } from "../../../src/core/processes/recorded-group.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const MARKS = { HYDRAFLOW_TREE: "tree", HYDRAFLOW_BIRTH: "spawn" };
const SPAWN = { name: "HYDRAFLOW_BIRTH", value: "spawn" };
/** The second follows the first at once. */
const ENDED = /^SIG(?:TERM|KILL)$/;

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await ended(child);
  }
});

/** Leads a group, and has no environment that anybody could find it by. */
async function leader(): Promise<{ child: ChildProcess; identity: ProcessIdentity }> {
  const child = spawn("/bin/sleep", ["1000"], { detached: true, env: {}, stdio: "ignore" });
  children.push(child);
  await once(child, "spawn");
  const identity = await childIdentity(child);
  if (identity === null) throw new Error("the child lives");
  return { child, identity };
}

async function ended(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.signalCode;
}

describe("a group on record", () => {
  it("is ended with the worker that led it, and is on record no more", async () => {
    await using directory = await makeTemporaryDirectory();
    const { child, identity } = await leader();
    recordGroup(directory.path, identity, MARKS);

    await endRecordedGroups(directory.path, SPAWN);

    expect(await ended(child)).toMatch(ENDED);
    expect(await readdir(directory.path)).toEqual([]);
  });

  it("is left alone when another worker leads it, or another process has its pid by now", async () => {
    await using directory = await makeTemporaryDirectory();
    const [others, reused, ours] = [await leader(), await leader(), await leader()];
    recordGroup(directory.path, others.identity, { ...MARKS, HYDRAFLOW_BIRTH: "another" });
    recordGroup(directory.path, { ...reused.identity, startTime: "earlier" }, MARKS);
    recordGroup(directory.path, ours.identity, MARKS);

    await endRecordedGroups(directory.path, SPAWN);

    expect(await ended(ours.child)).toMatch(ENDED);
    expect([others, reused].map(({ child }) => child.signalCode)).toEqual([null, null]);
    const [left = "", ...more] = await readdir(directory.path);
    expect(more).toEqual([]);
    expect(JSON.parse(await readFile(directory.file(left), "utf8"))).toMatchObject(others.identity);
  });

  it("does not end once its record was taken back, and what is no record is passed over", async () => {
    await using directory = await makeTemporaryDirectory();
    const { child, identity } = await leader();
    recordGroup(directory.path, identity, MARKS)[Symbol.dispose]();
    await mkdir(directory.file("1.json"));
    await writeFile(directory.file("2.json"), "no record");

    await endRecordedGroups(directory.path, SPAWN);
    await endRecordedGroups(directory.file("nothing"), SPAWN);

    expect(child.signalCode).toBeNull();
  });
});
