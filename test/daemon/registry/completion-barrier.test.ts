import { describe, expect, it } from "vitest";

import { CompletionBarrier } from "../../../src/daemon/registry/completion-barrier.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const LIMIT_MS = 2_000;

describe("a completion barrier", () => {
  it("lets what runs side by side end together", async () => {
    const { began, ended, run } = barrierRig();
    run("a");
    run("b");

    began.get("a")?.resolve();
    await settled();
    expect(ended).toEqual([]);
    began.get("b")?.resolve();
    await settled();

    expect(ended.toSorted()).toEqual(["a", "b"]);
  });

  it("holds up nobody who is alone", async () => {
    const { began, ended, run } = barrierRig();

    for (const name of ["a", "b"]) {
      run(name);
      began.get(name)?.resolve();
      await settled();
    }

    expect(ended).toEqual(["a", "b"]);
  });

  it("waits no longer than its limit for one that never ends", async () => {
    const { clock, began, ended, run } = barrierRig();
    for (const name of ["a", "b", "stuck"]) run(name);

    began.get("a")?.resolve();
    await settled();
    await clock.advance(LIMIT_MS - 1);
    began.get("b")?.resolve();
    await settled();
    expect(ended).toEqual([]);
    await clock.advance(1);
    await settled();

    expect(ended.toSorted()).toEqual(["a", "b"]);
  });

  it("passes on what went wrong", async () => {
    const { barrier } = barrierRig();

    await expect(barrier.run(() => Promise.reject(new Error("a disk")))).rejects.toThrow("a disk");
  });
});

function barrierRig(): {
  readonly clock: ManualClock;
  readonly barrier: CompletionBarrier;
  readonly began: Map<string, PromiseWithResolvers<void>>;
  readonly ended: string[];
  readonly run: (name: string) => void;
} {
  const clock = new ManualClock();
  const barrier = new CompletionBarrier(clock, LIMIT_MS);
  const began = new Map<string, PromiseWithResolvers<void>>();
  const ended: string[] = [];
  const run = (name: string): void => {
    const work = Promise.withResolvers<void>();
    began.set(name, work);
    void barrier.run(() => work.promise).then(() => ended.push(name));
  };
  return { clock, barrier, began, ended, run };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
