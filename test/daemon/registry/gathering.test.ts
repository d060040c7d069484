import { describe, expect, it } from "vitest";

import { Gathering } from "../../../src/daemon/registry/gathering.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const LIMIT_MS = 2_000;

describe("a gathering", () => {
  it("lets what runs side by side end together", async () => {
    const { began, ended, run } = gathering();
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
    const { began, ended, run } = gathering();

    for (const name of ["a", "b"]) {
      run(name);
      began.get(name)?.resolve();
      await settled();
    }

    expect(ended).toEqual(["a", "b"]);
  });

  it("waits no longer than its limit for one that never ends", async () => {
    const { clock, began, ended, run } = gathering();
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
    const { gathered } = gathering();

    await expect(gathered.run(() => Promise.reject(new Error("a disk")))).rejects.toThrow("a disk");
  });
});

function gathering(): {
  readonly clock: ManualClock;
  readonly gathered: Gathering;
  readonly began: Map<string, PromiseWithResolvers<void>>;
  readonly ended: string[];
  readonly run: (name: string) => void;
} {
  const clock = new ManualClock();
  const gathered = new Gathering(clock, LIMIT_MS);
  const began = new Map<string, PromiseWithResolvers<void>>();
  const ended: string[] = [];
  const run = (name: string): void => {
    const work = Promise.withResolvers<void>();
    began.set(name, work);
    void gathered.run(() => work.promise).then(() => ended.push(name));
  };
  return { clock, gathered, began, ended, run };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
