// The daemon withstands starts and ends at the wrong moment, workers that fall, and a machine that gives nothing any
// more. After each fault the daemon must work again.

import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect } from "vitest";

import { add, ask, ended, isAlive, QUICK, Rig, until } from "../daemon/daemon-rig.ts";
import { fault, repeat } from "./fault.ts";

const BOOT_MS = 2_000;
/** The rounds wait more than they work, so they go in lanes. */
const LANES = 3;

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

describe("starting and ending", () => {
  fault(
    "F12 of many daemons that start at once one lives, the others end with code 75",
    { few: 1, many: 25, roundMs: 60_000 },
    async ({ count }) => {
      const contenders = count > 1 ? 20 : 6;
      await repeat(count, async () => {
        const daemons = Array.from({ length: contenders }, () => rig.spawnDaemon());
        await until(
          "one daemon and no other",
          () => daemons.filter(({ child }) => child.exitCode === null).length === 1,
        );
        const [alive] = daemons.filter(({ child }) => child.exitCode === null);
        await until("its readiness", () => alive?.output().includes('"daemon.ready"'));
        const codes = await Promise.all(daemons.filter((daemon) => daemon !== alive).map(({ exited }) => exited));
        expect(codes).toEqual(Array.from({ length: contenders - 1 }, () => 75));
        alive?.child.kill("SIGTERM");
        expect(await alive?.exited).toBe(0);
      });
    },
  );

  fault(
    "F13 SIGTERM at any moment of the start leaves no process and no port file",
    { few: 4, many: 200, roundMs: 15_000 },
    async ({ count, random }) => {
      await using owned = new AsyncDisposableStack();
      const rigs = await Promise.all(
        Array.from({ length: Math.min(count, LANES) }, async () => {
          const own = owned.use(await Rig.make());
          const daemon = await own.daemon();
          const path = await own.checkout("web", "https://github.com/acme/web.git");
          expect(await daemon.ask({ action: "add_repo", path })).toMatchObject({ status: "ok" });
          await daemon[Symbol.asyncDispose]();
          return own;
        }),
      );
      const moments = Array.from({ length: count }, () => random() * BOOT_MS);
      await repeat(
        count,
        async (index, lane) => {
          const own = rigs[lane] ?? rig;
          const { child, exited, output } = own.spawnDaemon();
          await delay(moments[index]);
          child.kill("SIGTERM");
          await exited;
          expect([0, null], output()).toContain(child.exitCode);
          expect(await readdir(own.home)).not.toContain("supervisor-port");
          const spawns = await readFile(join(own.home, "acme-web", "spawns.txt"), "utf8").catch(() => "");
          for (const pid of spawns.trim().split("\n").map(Number)) expect(await isAlive(pid)).toBe(false);
        },
        rigs.length,
      );
    },
  );
});

describe("workers", () => {
  fault(
    "F17 that exit at once are tried with growing pauses, then quarantined; the others do not notice",
    { few: 1, many: 20, roundMs: 20_000 },
    async ({ count }) => {
      const daemon = await rig.daemon({ ...QUICK, respawnCountMax: 5 });
      await add(daemon, "web");
      await repeat(count, async (index) => {
        const slug = `acme-r${index}-exits-at-once`;
        await daemon.ask({
          action: "register_repo",
          path: await rig.checkout(`r${index}-exits-at-once`, `https://github.com/acme/r${index}-exits-at-once.git`),
        });
        await daemon.ask({ action: "start_repo", slug });
        const entry = await daemon.entryWhen(slug, "quarantine", ({ state }) => state === "quarantined");
        expect(entry.generation).toBe(5);
        const pauses = daemon
          .events("repo.backing-off")
          .filter(({ repo }) => repo === slug)
          .map(({ delay_ms }) => Number(delay_ms));
        expect(pauses).toHaveLength(4);
        [20, 40, 40, 40].forEach((plain, place) => {
          expect(Math.abs((pauses[place] ?? 0) - plain)).toBeLessThanOrEqual(plain / 4);
        });
      });
      expect(await daemon.entry("acme-web")).toMatchObject({ state: "running", generation: 1 });
    },
  );

  fault(
    "F18 that stand still are replaced once, with the reason",
    { few: 2, many: 50, roundMs: 20_000 },
    async ({ count }) => {
      const daemon = await rig.daemon(
        { ...QUICK, respawnCountMax: 10_000 },
        { timings: { heartbeatTimeoutMs: 1_500 } },
      );
      const slugs = ["acme-web", "acme-shop", "acme-docs"].slice(0, Math.min(count, LANES));
      for (const slug of slugs) await add(daemon, slug.slice("acme-".length));
      await repeat(
        count,
        async (_index, lane) => {
          const slug = slugs[lane] ?? "";
          const { pid, generation } = await daemon.entryWhen(slug, "running", ({ running }) => running);
          process.kill(Number(pid), "SIGSTOP");
          await ended(Number(pid));
          const next = await daemon.entryWhen(slug, "a next one", (entry) => entry.running);
          expect(next.generation).toBe(generation + 1);
          expect(next.last_exit?.reason).toContain("silent for 1.5 s");
        },
        slugs.length,
      );
    },
  );

  fault(
    "F21 that died give nothing to whoever takes their port",
    { few: 2, many: 100, roundMs: 10_000 },
    async ({ count }) => {
      const daemon = await rig.daemon({ respawnDelayMs: 60_000, respawnDelayMaxMs: 60_000 });
      await add(daemon, "web");
      const token = (await readFile(join(rig.home, "token"), "utf8")).trim();
      await repeat(count, async () => {
        const { pid, port } = await daemon.entryWhen("acme-web", "running", ({ running }) => running);
        process.kill(Number(pid), "SIGKILL");
        await daemon.entryWhen("acme-web", "down", ({ running }) => !running);
        let bytes = 0;
        const hostile = await listening(
          createServer((socket) => socket.on("data", (chunk) => (bytes += chunk.length))),
          port,
        );
        const headers = { authorization: `Bearer ${token}` };
        const url = `http://127.0.0.1:${daemon.httpPort}/api/repos/acme-web/worker/api/pipeline`;
        expect((await fetch(url, { headers })).status).toBe(503);
        hostile.close();
        expect(bytes).toBe(0);
        await daemon.ask({ action: "start_repo", slug: "acme-web" });
      });
    },
  );
});

describe("a machine that gives nothing any more", () => {
  fault(
    "F30 whose reader of our output is gone does not end the daemon",
    { few: 2, many: 20, roundMs: 10_000 },
    async ({ count }) => {
      await repeat(count, async () => {
        const daemon = await rig.daemonProcess();
        daemon.child.stdout?.destroy();
        daemon.child.stderr?.destroy();
        for (let call = 0; call < 5; call += 1) await ask(daemon.port, { action: "stop_repo", slug: "nobody" });
        await ask(daemon.port, {
          action: "register_repo",
          path: await rig.checkout("web", "https://github.com/acme/web"),
        });
        expect(await ask(daemon.port, { action: "ping" })).toMatchObject({ status: "ok" });
        daemon.child.kill("SIGTERM");
        await once(daemon.child, "exit");
        expect(daemon.child.exitCode).toBe(0);
      });
    },
  );
});

async function listening(server: Server, port: number): Promise<Server> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}
