import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { DrainReport } from "../../../src/core/messages/drain-control.ts";
import { add, Rig, type RigDaemon, until } from "../daemon-rig.ts";

const IMPLEMENTING = { issue: 7, stage: "implement" };

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function drain(daemon: RigDaemon, seconds: number): Promise<DrainReport> {
  return (await daemon.ask({ action: "drain", timeout_s: seconds })) as unknown as DrainReport;
}

function told(slug: string): Promise<string> {
  return readFile(join(rig.home, slug, "told.txt"), "utf8");
}

describe("a drain", () => {
  it("is done when nothing is in flight, and says what was finished", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "finishing");
    await add(daemon, "web");

    const report = await drain(daemon, 60);

    expect(report).toMatchObject({ draining: true, drained: true });
    expect(report.repos).toMatchObject([
      {
        slug: "acme-finishing",
        drained: true,
        in_flight: 0,
        in_flight_work: [],
        finished: [IMPLEMENTING],
        interrupted: [],
      },
      { slug: "acme-web", drained: true, in_flight: 0, finished: [] },
    ]);
    expect(daemon.events("daemon.drained")).toMatchObject([{ finished: 1, interrupted: 0 }]);
  });

  it("answers when its time is over with what is left, and stays", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "busy");

    const report = await drain(daemon, 1);

    expect(report).toMatchObject({ draining: true, drained: false });
    expect(report.repos).toMatchObject([
      { slug: "acme-busy", in_flight: 1, in_flight_work: [IMPLEMENTING], in_hand: [IMPLEMENTING], drained: false },
    ]);
    expect(await daemon.entry("acme-busy")).toMatchObject({ state: "running", draining: true });
  });

  it("holds for workers that are spawned while it lasts, and for what would open them again", async () => {
    const daemon = await rig.daemon();
    await drain(daemon, 0);

    await add(daemon, "busy");
    const spawned = await daemon.entryWhen("acme-busy", "its drain", ({ draining }) => draining);
    await daemon.ask({ action: "restart_repo", slug: "acme-busy" });
    const next = await daemon.entryWhen("acme-busy", "its drain", ({ draining }) => draining);
    const refused = await daemon.ask({ action: "remove_repo", slug: "acme-busy" });
    await until("the word after the refusal", async () => (await told("acme-busy")).split("\n").length > 4);

    expect([spawned.generation, next.generation, refused.code]).toEqual([1, 2, "busy"]);
    expect(await told("acme-busy")).not.toContain("resume");
    expect(await daemon.entry("acme-busy")).toMatchObject({ draining: true });
  });

  it("counts as interrupted what its worker could not finish", async () => {
    const daemon = await rig.daemon({ respawnDelayMs: 60_000, respawnDelayMaxMs: 60_000 });
    await add(daemon, "busy");
    await drain(daemon, 0);
    const { pid } = await daemon.entryWhen("acme-busy", "its drain", ({ draining }) => draining);

    process.kill(Number(pid), "SIGKILL");
    const report = await drain(daemon, 60);

    expect(report.drained).toBe(true);
    expect(report.repos).toMatchObject([{ state: "backing-off", finished: [], interrupted: [IMPLEMENTING] }]);
  });

  it("that is taken back ends the wait for it and opens every worker", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "busy");
    const waiting = drain(daemon, 3_600);
    await daemon.entryWhen("acme-busy", "its drain", ({ draining }) => draining);

    const back = await daemon.ask({ action: "undrain" });

    expect(back).toMatchObject({ status: "ok", draining: false, since: null });
    expect(await waiting).toMatchObject({ draining: false, drained: false });
    await daemon.entryWhen("acme-busy", "issues again", ({ draining }) => !draining);
    expect(await told("acme-busy")).toBe("drain\nresume\n");
  });

  it("does not outlive the daemon, and does not hold up its end", async () => {
    const first = await rig.daemon();
    await add(first, "busy");
    void drain(first, 3_600).catch(() => undefined);
    await first.entryWhen("acme-busy", "its drain", ({ draining }) => draining);

    await first[Symbol.asyncDispose]();
    const second = await rig.daemon();

    const entry = await second.entryWhen("acme-busy", "running", ({ running }) => running);
    expect(entry.draining).toBe(false);
  });
});
