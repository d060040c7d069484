// The machine is short of something, or the settings are wrong: new work is refused with a reason, what can be read is
// still served, and all is well again as soon as it can be.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect } from "vitest";

import { systemClock } from "../../src/core/base/clock.ts";
import { configSchema } from "../../src/core/config/config.ts";
import { supervisorPaths } from "../../src/core/files/paths.ts";
import { EMPTY_DOCUMENT, encodeDocument } from "../../src/daemon/registry/registry-document.ts";
import { RegistryFile } from "../../src/daemon/registry/registry-file.ts";
import { ask, type DaemonProcess, Rig, type RigDaemon, until } from "../daemon/daemon-rig.ts";
import { fault, repeat, strace } from "./fault.ts";

const run = promisify(execFile);
let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
  await mkdir(rig.home, { mode: 0o700 });
});
afterEach(() => rig[Symbol.asyncDispose]());

async function http(daemon: Pick<RigDaemon, "httpPort">, method: string, path: string, home = rig.home) {
  const token = (await readFile(join(home, "token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${daemon.httpPort}${path}`, { method, headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe("a daemon without free descriptors", () => {
  fault(
    "F22 serves who is there, refuses new work with the reason, and goes on once they are free",
    { few: 1, many: 20, roundMs: 30_000 },
    async ({ count }) => {
      const daemon = await rig.daemonProcess();
      const path = await rig.checkout("web", "https://github.com/acme/web.git");
      await run("prlimit", ["--pid", `${daemon.pid}`, "--nofile=64:64"]);
      const ports = [daemon.port, Number((await rig.state())["httpPort"])];
      await repeat(count, async () => {
        const early = new OpenConnection(daemon.port);
        await early.ask({ action: "ping" });
        const sockets: Socket[] = Array.from({ length: 200 }, (_, index) =>
          connect({ host: "127.0.0.1", port: ports[index % 2] ?? 0 }),
        );
        for (const socket of sockets) socket.on("error", () => undefined);
        await until("the last descriptor", async () => (await readdir(`/proc/${daemon.pid}/fd`)).length >= 62);

        const list = await early.ask({ action: "list_repos" });
        const refused = await early.ask({ action: "register_repo", path });
        for (const socket of sockets) socket.destroy();
        await until(
          "an answer",
          async () => (await ask(daemon.port, { action: "ping" }).catch(() => undefined))?.status === "ok",
        );
        const accepted = await ask(daemon.port, { action: "register_repo", path });
        await ask(daemon.port, { action: "remove_repo", slug: "acme-web" });
        early.end();

        expect(list).toMatchObject({ status: "ok", repos: [] });
        expect(refused).toMatchObject({ status: "error", error: expect.stringContaining("EMFILE") as string });
        expect(accepted).toMatchObject({ status: "ok", slug: "acme-web" });
      });
      expect(daemon.child.exitCode).toBeNull();
    },
  );
});

describe("a machine without room for another process", () => {
  fault(
    "F23 lets the repository wait and not be quarantined, and the daemon answers",
    { few: 1, many: 20, roundMs: 60_000 },
    async ({ count }) => {
      const first = await rig.daemon();
      await first.ask({ action: "add_repo", path: await rig.checkout("web", "https://github.com/acme/web.git") });
      await first[Symbol.asyncDispose]();
      await repeat(count, async () => {
        const daemon = await rig.daemonProcess({ respawnDelayMs: 20, respawnDelayMaxMs: 20, respawnCountMax: 2 });
        await until("its worker", async () => (await entryOf(daemon))["state"] === "running");
        const denial = await denyForks(daemon);
        process.kill(Number((await entryOf(daemon))["pid"]), "SIGKILL");
        await until("several attempts", () => daemon.output().split("EAGAIN").length > 4);
        const denied = await entryOf(daemon);
        denial.kill("SIGTERM");
        await once(denial, "exit");
        await until("its worker again", async () => (await entryOf(daemon))["state"] === "running");
        daemon.child.kill("SIGTERM");
        await daemon.exited;

        expect(["backing-off", "starting"]).toContain(denied["state"]);
      });
    },
  );
});

describe("settings", () => {
  fault(
    "F31 that are wrong in any way leave the old ones in use and are named",
    { few: 20, many: 200, roundMs: 1_000 },
    async ({ count, random }) => {
      const daemon = await rig.daemon();
      const names = Object.keys(configSchema.shape);
      await repeat(count, async (index) => {
        const name = random() < 0.2 ? `no-setting-${index}` : (names[Math.floor(random() * names.length)] ?? "");
        const wrong = [null, { a: 1 }, [1, { b: 2 }], -1.5][Math.floor(random() * 4)];
        await writeFile(join(rig.home, "next.json"), JSON.stringify({ [name]: wrong }));
        await rename(join(rig.home, "next.json"), join(rig.home, "config.json"));

        const { status, body } = await http(daemon, "POST", "/api/reload");

        expect({ status, code: body["code"], named: String(body["detail"]).includes(name) }).toEqual({
          status: 422,
          code: "bad_config",
          named: true,
        });
      });
      await rm(join(rig.home, "config.json"));
      expect((await http(daemon, "POST", "/api/reload")).body).toEqual({
        changed: [],
        needs_restart: [],
        restarting: [],
      });
    },
  );
});

describe("a state file of another version", () => {
  fault(
    "F32 is taken over with a backup when it is older, and left unwritten when it is newer",
    { few: 3, many: 50, roundMs: 2_000 },
    async ({ count }) => {
      const paths = supervisorPaths(rig.home);
      await repeat(count, async (index) => {
        const older = encodeDocument({ ...EMPTY_DOCUMENT, schema: 1 as never, revision: index });
        await writeFile(paths.state, older);
        const { document, degraded } = await new RegistryFile(paths, systemClock).load();
        expect({ schema: document.schema, revision: document.revision, degraded }).toEqual({
          schema: 2,
          revision: index,
          degraded: null,
        });
        expect(await backups(older)).toBe(1);

        const newer = encodeDocument({ ...EMPTY_DOCUMENT, schema: 3 as never, revision: index });
        await writeFile(paths.state, newer);
        await expect(new RegistryFile(paths, systemClock).load()).rejects.toMatchObject({
          code: "REGISTRY_NEWER",
          exitCode: 78,
        });
        expect(await readFile(paths.state, "utf8")).toBe(newer);
      });
    },
  );
});

/** Keeps one connection for several requests. */
class OpenConnection {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(port: number) {
    this.#socket = connect({ host: "127.0.0.1", port });
    this.#lines = createInterface(this.#socket)[Symbol.asyncIterator]();
  }

  async ask(request: object): Promise<unknown> {
    this.#socket.write(`${JSON.stringify(request)}\n`);
    const { value } = await this.#lines.next();
    return JSON.parse(value ?? "null");
  }

  end(): void {
    this.#socket.destroy();
  }
}

async function entryOf({ port }: DaemonProcess): Promise<Record<string, unknown>> {
  return ask(port, { action: "repo_status", slug: "acme-web" });
}

/** Starts a tracer that makes every fork of the daemon fail until it ends. */
async function denyForks({ pid }: DaemonProcess) {
  const inject = "inject=clone,fork,vfork:error=EAGAIN";
  const tracer = spawn(strace(), [
    "-f",
    "-p",
    `${pid}`,
    "-o",
    "/dev/null",
    "-e",
    "trace=clone,fork,vfork",
    "-e",
    inject,
  ]);
  await once(tracer.stderr, "data");
  return tracer;
}

async function backups(content: string): Promise<number> {
  const names = (await readdir(rig.home)).filter((name) => name.includes(".before-upgrade-"));
  const texts = await Promise.all(names.map((name) => readFile(join(rig.home, name), "utf8")));
  return texts.filter((text) => text === content).length;
}
