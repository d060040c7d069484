import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { afterEach, describe, expect, it } from "vitest";

import { takeKernelLock } from "../../../src/core/files/kernel-lock.ts";
import { endAll } from "../../support/child-processes.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => endAll(children));

async function startHolder(path: string): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [fixture("hold-lock.ts"), path], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  if (child.stdout === null) throw new Error("no stdout");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, line };
}

const take = (path: string, waitMs = 0) => takeKernelLock(path, waitMs, (ms) => sleep(ms));

describe("a kernel lock", () => {
  it("is held by one taker at a time within a process", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("sub", "lock");
    const first = await take(path);
    if (!first.ok) throw new Error("the lock is free");

    const second = await take(path);
    first.value[Symbol.dispose]();
    const third = await take(path);

    expect(second).toEqual({ ok: false, failure: { kind: "held" } });
    expect(third.ok).toBe(true);
    if (third.ok) third.value[Symbol.dispose]();
  });

  it("is refused while another process holds it, and free the moment that one is killed", async () => {
    await using directory = await makeTemporaryDirectory();
    const { child, line } = await startHolder(directory.file("lock"));
    const whileHeld = await take(directory.file("lock"));

    child.kill("SIGKILL");
    await once(child, "exit");
    const afterDeath = await take(directory.file("lock"));

    expect(line).toBe("held");
    expect(whileHeld.ok).toBe(false);
    expect(afterDeath.ok).toBe(true);
    if (afterDeath.ok) afterDeath.value[Symbol.dispose]();
  });

  it("is waited for while its owner is on its way out", async () => {
    await using directory = await makeTemporaryDirectory();
    const { child } = await startHolder(directory.file("lock"));
    let waits = 0;

    const lock = await takeKernelLock(directory.file("lock"), 20_000, async (ms) => {
      waits += 1;
      if (waits === 2) child.stdin?.end();
      await sleep(ms);
    });

    expect(lock.ok).toBe(true);
    expect(waits).toBeGreaterThanOrEqual(2);
    if (lock.ok) lock.value[Symbol.dispose]();
  });

  it("lets processes that fight for it in one after the other", async () => {
    await using directory = await makeTemporaryDirectory();
    const [lock, counter] = [directory.file("lock"), directory.file("counter")];
    await writeFile(counter, "0");

    await Promise.all(
      Array.from({ length: 4 }, () =>
        promisify(execFile)(process.execPath, [fixture("count-under-lock.ts"), lock, counter, "50"]),
      ),
    );

    expect(await readFile(counter, "utf8")).toBe("200");
  });

  it("does not depend on the file being gone after a crash", async () => {
    await using directory = await makeTemporaryDirectory();
    await writeFile(directory.file("lock"), "");

    const lock = await take(directory.file("lock"));

    expect(lock.ok).toBe(true);
    if (lock.ok) lock.value[Symbol.dispose]();
  });
});
