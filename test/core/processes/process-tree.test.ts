import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { afterEach, describe, expect, it } from "vitest";

import { systemClock } from "../../../src/core/base/clock.ts";
import {
  childIdentity,
  findMarked,
  isSameProcess,
  killTree,
  processIdentity,
  sweepMarked,
} from "../../../src/core/processes/process-tree.ts";
import { endAll } from "../../support/child-processes.ts";

const MARK = "HYDRAFLOW_TEST_MARK";
const FOREVER = "setInterval(() => undefined, 1e6);";
const IGNORE_TERM = "process.on('SIGTERM', () => undefined);";
const signal = new AbortController().signal;
/** Enough that a sweep which trusts one empty look is mostly caught. */
const ESCAPES = 60;
const isLinux = process.platform === "linux";

const children: ChildProcess[] = [];

afterEach(() => endAll(children));

/** Runs JavaScript in a process of its own group; resolves when the script has printed its first line. */
async function start(script: string, mark?: string): Promise<{ child: ChildProcess; line: string }> {
  const environment = mark === undefined ? process.env : { ...process.env, [MARK]: mark };
  const child = spawn(process.execPath, ["-e", script], {
    detached: true,
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  if (child.stdout === null) throw new Error("no stdout");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, line };
}

async function ended(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.signalCode;
}

describe("the identity of a process", () => {
  it("stays the same while the process lives and is null once it has ended", async () => {
    const { child } = await start(`console.log("up"); ${FOREVER}`);
    const identity = await childIdentity(child);
    if (identity === null) throw new Error("the child lives");
    const whileAlive = await isSameProcess(identity);

    child.kill("SIGKILL");
    await ended(child);

    expect(whileAlive).toBe(true);
    expect(await isSameProcess(identity)).toBe(false);
    expect(await processIdentity(identity.pid)).toBeNull();
    expect(await childIdentity(child)).toBeNull();
  });

  it("differs for another start time under the same pid", async () => {
    const own = await processIdentity(process.pid);

    expect(own).not.toBeNull();
    expect(await isSameProcess({ pid: process.pid, startTime: `${own?.startTime}0` })).toBe(false);
  });
});

describe("killing a tree", () => {
  it("ends the leader and the children of its group", async () => {
    const script = `const c = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(FOREVER)}]); console.log(c.pid); ${FOREVER}`;
    const { child, line } = await start(script);
    const grandchild = await processIdentity(Number(line));
    if (grandchild === null) throw new Error("the grandchild lives");

    await killTree({ identity: await childIdentity(child), graceMs: 120_000 }, signal);

    expect(await ended(child)).toBe("SIGTERM");
    expect(await isSameProcess(grandchild)).toBe(false);
  });

  it("kills a leader that ignores SIGTERM when the grace is over", async () => {
    const { child } = await start(`${IGNORE_TERM} console.log("up"); ${FOREVER}`);

    await killTree({ identity: await childIdentity(child), graceMs: 100 }, signal);

    expect(await ended(child)).toBe("SIGKILL");
  });

  it("kills what ignores SIGTERM in the group although the leader obeyed", async () => {
    const stubborn = `${IGNORE_TERM} console.log("ready"); ${FOREVER}`;
    const script = `const c = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(stubborn)}], { stdio: ["ignore", "pipe", "ignore"] });
      c.stdout.once("data", () => console.log(c.pid)); ${FOREVER}`;
    const { child, line } = await start(script);
    const grandchild = await processIdentity(Number(line));
    if (grandchild === null) throw new Error("the grandchild lives");

    await killTree({ identity: await childIdentity(child), graceMs: 100 }, signal);

    expect(await ended(child)).toBe("SIGTERM");
    expect(await isSameProcess(grandchild)).toBe(false);
  });

  it("ends the grace at once when aborted, and still kills", async () => {
    const { child } = await start(`${IGNORE_TERM} console.log("up"); ${FOREVER}`);

    await killTree({ identity: await childIdentity(child), graceMs: 3_600_000 }, AbortSignal.abort());

    expect(await ended(child)).toBe("SIGKILL");
  });

  it("leaves a process alone that only has the pid of the target", async () => {
    const { child } = await start(`console.log("up"); ${FOREVER}`);
    const identity = await childIdentity(child);
    if (identity === null) throw new Error("the child lives");

    await killTree({ identity: { pid: identity.pid, startTime: "another boot:1" }, graceMs: 0 }, signal);

    expect(await isSameProcess(identity)).toBe(true);
  });
});

describe.runIf(isLinux)("sweeping marked processes", () => {
  it("kills a child that left the group with setsid, and touches nothing unmarked", async () => {
    const mark = randomUUID();
    const script = `const c = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(FOREVER)}], { detached: true, stdio: "ignore" }); c.unref(); console.log(c.pid); ${FOREVER}`;
    const { child, line } = await start(script, mark);
    const { child: stranger } = await start(`console.log("up"); ${FOREVER}`, randomUUID());
    const escaped = await processIdentity(Number(line));
    const other = await childIdentity(stranger);
    if (escaped === null || other === null) throw new Error("both live");

    await killTree(
      { identity: await childIdentity(child), marker: { name: MARK, value: mark }, graceMs: 120_000 },
      signal,
    );

    expect(await isSameProcess(escaped)).toBe(false);
    expect(await isSameProcess(other)).toBe(true);
    expect(await findMarked(MARK, mark)).toEqual([]);
  });

  it("finds an orphan whose parents have all ended", async () => {
    const mark = randomUUID();
    const sleeper = JSON.stringify(FOREVER);
    const script = `const c = require("child_process").spawn(process.execPath, ["-e", ${sleeper}], { detached: true, stdio: "ignore" }); c.unref(); console.log(c.pid);`;
    const { child, line } = await start(script, mark);
    await ended(child);

    const found = await findMarked(MARK, mark);
    const killed = await sweepMarked(MARK, mark);

    expect(found).toEqual([Number(line)]);
    expect(killed).toEqual([Number(line)]);
    expect(await processIdentity(Number(line))).toBeNull();
  });

  it("misses none that is just about to become another program", async () => {
    const missed: number[] = [];
    for (let round = 0; round < ESCAPES; round += 1) {
      const mark = randomUUID();
      const environment = { ...process.env, [MARK]: mark };
      const child = spawn("sh", ["-c", "(setsid sh -c 'sleep 600') & exit 0"], { env: environment, stdio: "ignore" });
      await once(child, "exit");
      await sweepMarked(MARK, mark);
      // A process that the sweep has missed is a moment later what it was to become, and found.
      await systemClock.sleep(10, signal);
      missed.push(...(await sweepMarked(MARK, mark)));
    }

    expect(missed).toEqual([]);
  });

  it("is not held up by a process whose environment is empty", async () => {
    const bare = spawn(process.execPath, ["-e", FOREVER], { env: {}, stdio: "ignore" });
    children.push(bare);
    await once(bare, "spawn");
    const mark = randomUUID();
    const { child } = await start(`console.log("up"); ${FOREVER}`, mark);

    expect(await sweepMarked(MARK, mark)).toEqual([child.pid]);
    expect(await childIdentity(bare)).not.toBeNull();
  });

  it("spares the excepted pids", async () => {
    const mark = randomUUID();
    const { child: spared } = await start(`console.log("up"); ${FOREVER}`, mark);
    const { child: swept } = await start(`console.log("up"); ${FOREVER}`, mark);
    const identity = await childIdentity(spared);
    if (identity === null) throw new Error("it lives");

    const killed = await sweepMarked(MARK, mark, { except: [identity.pid] });

    expect(killed).toEqual([swept.pid]);
    expect(await isSameProcess(identity)).toBe(true);
  });

  it("does not take a value for another that it is the beginning of", async () => {
    const mark = randomUUID();
    const { child } = await start(`console.log("up"); ${FOREVER}`, `${mark}-longer`);

    const killed = await sweepMarked(MARK, mark);

    expect(killed).toEqual([]);
    expect(await childIdentity(child)).not.toBeNull();
  });
});
