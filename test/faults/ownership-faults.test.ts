// A state directory has one owner, a repository has one worker, and nobody is left behind, whoever is killed or stands
// still.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect } from "vitest";

import { systemClock } from "../../src/core/base/clock.ts";
import { supervisorPaths } from "../../src/core/files/paths.ts";
import { decodeDocument, EMPTY_DOCUMENT, encodeDocument } from "../../src/daemon/registry/registry-document.ts";
import { RegistryFile } from "../../src/daemon/registry/registry-file.ts";
import { ask, type DaemonProcess, ended, fixtureWorker, isAlive, Rig, until } from "../daemon/daemon-rig.ts";
import { fault, repeat } from "./fault.ts";

const STANDS_STILL = fileURLToPath(new URL("../fixtures/daemon/stands-still.ts", import.meta.url));

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function add({ port }: DaemonProcess, name: string, own = rig) {
  return ask(port, { action: "add_repo", path: await own.checkout(name, `https://github.com/acme/${name}.git`) });
}

/** The rounds wait for a grace or a lock more than they work, so they go in lanes. */
const LANES = 3;

async function workers({ port }: DaemonProcess): Promise<number[]> {
  const { repos } = await ask(port, { action: "list_repos" });
  return (repos as { pid: number | null }[]).flatMap(({ pid }) => pid ?? []);
}

describe("a state file", () => {
  fault(
    "F07 with any bit flipped is found out, and the copy before it is used",
    { few: 50, many: 500, roundMs: 500 },
    async ({ count, random }) => {
      await mkdir(rig.home, { recursive: true, mode: 0o700 });
      const paths = supervisorPaths(rig.home);
      const before = encodeDocument({ ...EMPTY_DOCUMENT, revision: 1 });
      const good = encodeDocument({
        ...EMPTY_DOCUMENT,
        revision: 2,
        retired: [{ slug: "acme-web", repo: "acme/web" }],
      });
      await writeFile(paths.statePrevious, before);
      await repeat(count, async () => {
        const bytes = Buffer.from(good);
        const bit = Math.floor(random() * bytes.length * 8);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await writeFile(paths.state, bytes);
        const { document, degraded } = await new RegistryFile(paths, systemClock).load();
        // A flip within the blanks between two fields changes nothing.
        if (degraded === null) expect(encodeDocument(document)).toBe(good);
        else expect(encodeDocument(document)).toBe(before);
        expect(degraded === null).toBe(decodeDocument(bytes.toString("utf8")).ok);
      });
      await rm(paths.state);
    },
  );
});

describe("a daemon", () => {
  fault(
    "F09 that was killed in the middle of its work is followed by one that has all of it",
    { few: 2, many: 100, roundMs: 20_000 },
    async ({ count }) => {
      await repeat(count, async (index) => {
        const daemon = await rig.daemonProcess();
        const name = `r${index}`;
        const reply = await ask(daemon.port, {
          action: "register_repo",
          path: await rig.checkout(name, `https://github.com/acme/${name}`),
        });
        expect(reply).toMatchObject({ status: "ok" });
        daemon.child.kill("SIGKILL");
        await daemon.exited;
      });
      const last = await rig.daemonProcess();
      expect((await ask(last.port, { action: "list_repos" }))["repos"]).toHaveLength(count);
    },
  );

  fault(
    "F10 that was killed has exactly one successor, however many want to be it",
    { few: 1, many: 200, roundMs: 60_000 },
    async ({ count }) => {
      await repeat(count, async () => {
        const daemon = await rig.daemonProcess();
        daemon.child.kill("SIGKILL");
        const heirs = Array.from({ length: 8 }, () => rig.spawnDaemon());
        await until("one of them", () => heirs.filter(({ child }) => child.exitCode === null).length === 1);
        const heir = heirs.find(({ child }) => child.exitCode === null);
        await until("its readiness", () => heir?.output().includes('"daemon.ready"'));
        heir?.child.kill("SIGTERM");
        expect(await heir?.exited).toBe(0);
      });
    },
  );

  fault(
    "F11 that stands still keeps what it owns, and goes on where it was",
    { few: 1, many: 50, roundMs: 20_000 },
    async ({ count }) => {
      await using owned = new AsyncDisposableStack();
      const lanes = await Promise.all(
        Array.from({ length: Math.min(count, LANES) }, async () => {
          const own = owned.use(await Rig.make());
          return { own, daemon: await own.daemonProcess(), added: 0 };
        }),
      );
      await repeat(
        count,
        async (index, at) => {
          const lane = lanes[at];
          if (lane === undefined) throw new Error(`no lane ${at}`);
          const { own, daemon } = lane;
          daemon.child.kill("SIGSTOP");
          const before = JSON.stringify(await own.state());
          const other = own.spawnDaemon();
          expect(await other.exited).toBe(75);
          expect(JSON.stringify(await own.state())).toBe(before);
          daemon.child.kill("SIGCONT");
          const path = await own.checkout(`r${index}`, `https://github.com/acme/r${index}`);
          expect(await ask(daemon.port, { action: "register_repo", path })).toMatchObject({ status: "ok" });
          lane.added += 1;
        },
        lanes.length,
      );
      for (const { daemon, added } of lanes)
        expect((await ask(daemon.port, { action: "list_repos" }))["repos"]).toHaveLength(added);
    },
  );

  fault(
    "F14 that is asked to end while all its workers are busy leaves nobody behind",
    { few: 1, many: 50, roundMs: 60_000 },
    async ({ count }) => {
      const names =
        count > 1 ? Array.from({ length: 10 }, (_, index) => `r${index}-busy`) : ["one-busy", "two-busy", "stubborn"];
      await repeat(count, async () => {
        const daemon = await rig.daemonProcess();
        await Promise.all(names.map((name) => add(daemon, name)));
        const pids = await workers(daemon);
        daemon.child.kill("SIGTERM");
        expect(await daemon.exited).toBe(0);
        expect(pids).toHaveLength(names.length);
        for (const pid of pids) expect(await isAlive(pid)).toBe(false);
      });
    },
  );

  fault(
    "F15 that is killed leaves no worker, nor what its worker hid in another session, once the next one is there",
    { few: 1, many: 100, roundMs: 60_000 },
    async ({ count }) => {
      const round = async (): Promise<void> => {
        await using own = await Rig.make();
        const daemon = await own.daemonProcess();
        await Promise.all(["web", "shop", "stubborn"].map((name) => add(daemon, name, own)));
        const hidden = await own.given<number[]>("acme-stubborn", "pids.json");
        const pids = [...(await workers(daemon)), ...hidden];
        daemon.child.kill("SIGKILL");
        await daemon.exited;
        const next = await own.daemonProcess();
        for (const pid of pids) await ended(pid);
        await until("one worker each", async () => (await workers(next)).length === 3);
        expect((await workers(next)).some((pid) => pids.includes(pid))).toBe(false);
        await until("one worker of web is alive", async () => {
          const spawns = await readFile(join(own.home, "acme-web", "spawns.txt"), "utf8");
          const alive = await Promise.all(
            spawns
              .trim()
              .split("\n")
              .map((pid) => isAlive(Number(pid))),
          );
          return alive.filter(Boolean).length === 1;
        });
      };
      await repeat(count, round, LANES);
    },
  );

  fault(
    "F19 whose loop stands still ends itself, and the next one has all of its repositories at work",
    { few: 1, many: 10, roundMs: 60_000 },
    async ({ count }) => {
      const first = await rig.daemonProcess();
      await add(first, "web");
      first.child.kill("SIGTERM");
      await first.exited;
      await repeat(count, async () => {
        const child = spawn(process.execPath, [STANDS_STILL, rig.home, fixtureWorker("by-slug")], {
          stdio: ["ignore", "pipe", "pipe"],
        });
        const ending = once(child, "close");
        let output = "";
        for (const stream of [child.stdout, child.stderr])
          stream.setEncoding("utf8").on("data", (text: string) => (output += text));
        await until("the daemon", () => output.includes("waits\n"));
        const port = Number(await readFile(join(rig.home, "supervisor-port"), "utf8"));
        await until("its worker", async () => (await ask(port, { action: "list_repos" }))["repos"] !== undefined);
        child.kill("SIGUSR2");

        expect(await ending).toEqual([null, "SIGKILL"]);
        expect(output).toContain("the event loop has stood still for 3 s; the process ends itself");
        const next = await rig.daemonProcess();
        await until("one worker", async () => (await workers(next)).length === 1);
        next.child.kill("SIGTERM");
        expect(await next.exited).toBe(0);
      });
    },
  );
});
