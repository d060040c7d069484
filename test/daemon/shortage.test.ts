// A worker that ends because the machine is short of something: it waits, says what it waits for, and is never taken
// for one that crashes.

import { afterEach, beforeEach, expect, it } from "vitest";

import { Rig } from "./daemon-rig.ts";

const QUICK = { respawnDelayMs: 20, respawnDelayMaxMs: 40, respawnCountMax: 2 };
/** More than twice what quarantines one that crashes. */
const ENDS = 6;

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

it.each([
  ["short-of-disk", { code: 71, reason: "ENOSPC: no space left on device, open '/data/journal.jsonl'" }],
  [
    "cannot-begin",
    { code: 1, reason: "exited with code 1: Error: ENFILE: file table overflow, open '/app/worker.js'" },
  ],
])("a worker that is %s is tried again for ever, and its last exit names the errno", async (name, exit) => {
  const first = await rig.daemon();
  const path = await rig.checkout(name, `https://github.com/acme/${name}.git`);
  await first.ask({ action: "register_repo", path });
  await first[Symbol.asyncDispose]();
  const daemon = await rig.daemon(QUICK);
  void daemon.ask({ action: "start_repo", slug: `acme-${name}` });

  const entry = await daemon.entryWhen(`acme-${name}`, "many ends", ({ state }) => {
    return state === "backing-off" && daemon.events("repo.exited").length >= ENDS;
  });

  expect(entry).toMatchObject({ quarantines: 0, last_exit: exit });
  expect(entry.notice).toMatch(/^the machine is short: .*E(?:NOSPC|NFILE): .*; the next try is at 20/);
});

it("a worker that crashes as often is quarantined, and the list says when it is tried again", async () => {
  const daemon = await rig.daemon(QUICK);
  const path = await rig.checkout("crashes-later", "https://github.com/acme/crashes-later.git");
  await daemon.ask({ action: "add_repo", path });

  const entry = await daemon.entryWhen("acme-crashes-later", "quarantine", ({ state }) => state === "quarantined");

  expect(entry.notice).toMatch(/^quarantined: 2 crashes within .*; the next try is at 20\d\d-.*Z$/);
});
