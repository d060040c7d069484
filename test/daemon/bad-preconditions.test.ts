// A machine that is not as it should be: each time a clear error or a safe state, and nothing is lost.

import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type Clock, systemClock } from "../../src/core/base/clock.ts";
import type { Log } from "../../src/core/logs/log.ts";
import { supervisorPaths } from "../../src/core/files/paths.ts";
import { ok } from "../../src/core/base/result.ts";
import { RegistryFile } from "../../src/daemon/registry/registry-file.ts";
import { Registry } from "../../src/daemon/registry/registry.ts";
import { add, ask, Rig, until } from "./daemon-rig.ts";

const run = promisify(execFile);
const SET_BACK_CLOCK = new URL("../fixtures/set-back-clock.ts", import.meta.url).href;
const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const SILENT: Log = { write: () => undefined, [Symbol.asyncDispose]: () => Promise.resolve() };

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

describe("the state directory", () => {
  it("under a file is refused with exit code 77 and says where", async () => {
    await rig.file("home", "a file");
    const daemon = rig.spawnDaemon();

    expect(await daemon.exited).toBe(77);
    expect(daemon.output()).toContain(`state directory ${rig.home}: EEXIST`);
    expect(daemon.output()).toContain("give --home or HYDRAFLOW_HOME a directory of your own");
    expect(await readFile(rig.home, "utf8")).toBe("a file");
  });

  it("of another user is refused with exit code 77 and stays as it is", async () => {
    await mkdir(rig.home, { mode: 0o755 });
    await chown(rig.home, 12_345, 12_345);

    const daemon = rig.spawnDaemon();

    expect(await daemon.exited).toBe(77);
    expect(daemon.output().trim()).toBe(
      `hydraflow: state directory ${rig.home}: it belongs to another user; give --home or HYDRAFLOW_HOME a directory of your own`,
    );
    expect(await readdir(rig.home)).toEqual([]);
    expect((await stat(rig.home)).mode & 0o777).toBe(0o755);
  });

  it("that cannot be read is refused with exit code 77 and stays as it is", async () => {
    await mkdir(rig.home, { mode: 0o300 });

    const { code, output } = await startWithoutRoot();

    expect(code).toBe(77);
    expect(output.trim()).toBe(
      `hydraflow: state directory ${rig.home}: EACCES: permission denied, access '${rig.home}'; it and every file in it must belong to the user of the daemon; or give --home or HYDRAFLOW_HOME a directory of your own`,
    );
    expect(await readdir(rig.home)).toEqual([]);
  });

  it.each(["token", "supervisor-state.json", "supervisor.lock"])(
    "in which %s cannot be read is refused with exit code 77, names the file, and stays as it is",
    async (name) => {
      const file = await rig.file(`home/${name}`, "of root\n");
      await chmod(rig.home, 0o700);
      await chmod(file, 0o000);

      const { code, output } = await startWithoutRoot();

      expect(code).toBe(77);
      expect(output).toContain(file);
      expect(output).toMatch(/must be(?:long to)? .*the (?:daemon's user|user of the daemon)/);
      expect(await readFile(file, "utf8")).toBe("of root\n");
    },
  );

  it("on a disk that becomes read-only refuses changes, serves what can be read, and goes on when it is writable", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "web");
    const path = await rig.checkout("shop", "https://github.com/acme/shop.git");
    await run("mount", ["--bind", rig.home, rig.home]);
    await run("mount", ["-o", "remount,ro,bind", rig.home]);

    const refused = await daemon.ask({ action: "register_repo", path });
    const list = await daemon.ask({ action: "list_repos" });
    await run("umount", [rig.home]);
    const accepted = await daemon.ask({ action: "register_repo", path });

    expect(refused).toMatchObject({ code: "storage_failed", error: expect.stringContaining("EROFS") as string });
    expect(list).toMatchObject({ status: "ok", repos: [{ slug: "acme-web", running: true }] });
    expect(accepted).toMatchObject({ status: "ok", slug: "acme-shop" });
  });

  it("on a read-only disk ends the start with a reason and changes nothing", async () => {
    const before = await rig.daemon();
    await add(before, "web");
    await before[Symbol.asyncDispose]();
    const state = await readFile(join(rig.home, "supervisor-state.json"), "utf8");
    await run("mount", ["--bind", rig.home, rig.home]);
    await run("mount", ["-o", "remount,ro,bind", rig.home]);

    const daemon = rig.spawnDaemon();
    const code = await daemon.exited;
    await run("umount", [rig.home]);

    expect(code).toBe(71);
    expect(daemon.output().trim()).toBe(
      `hydraflow: state directory ${rig.home}: EROFS: read-only file system, access '${rig.home}'; start again when it can be written`,
    );
    expect(await readFile(join(rig.home, "supervisor-state.json"), "utf8")).toBe(state);
  });
});

describe("a checkout", () => {
  it("that is deleted or moved away does not disturb daemon, list or removal", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "web");
    await add(daemon, "shop");
    await rm(join(rig.directory, "web"), { recursive: true });
    await rename(join(rig.directory, "shop"), join(rig.directory, "moved"));

    const restarted = await daemon.ask({ action: "restart_repo", slug: "acme-web" });
    const list = await daemon.ask({ action: "list_repos" });
    const removed = await daemon.ask({ action: "remove_repo", path: join(rig.directory, "web") });
    const again = await daemon.ask({ action: "add_repo", path: join(rig.directory, "moved") });

    expect(restarted).toMatchObject({ status: "ok", slug: "acme-web" });
    expect(list["repos"]).toHaveLength(2);
    expect(removed).toEqual({ status: "ok", slug: "acme-web" });
    expect(again).toMatchObject({ code: "already_registered", error: expect.stringContaining("acme-shop") as string });
  });

  it("whose remote changes keeps its identity until it is removed, and says so when it is added again", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "web");
    const path = join(rig.directory, "web");
    await run("git", ["remote", "set-url", "origin", "https://github.com/other/thing.git"], { cwd: path });

    const again = await daemon.ask({ action: "add_repo", path });
    const entry = await daemon.entry("acme-web");

    expect(again).toMatchObject({ code: "already_registered", error: expect.stringContaining("acme-web") as string });
    expect(entry).toMatchObject({ repo: "acme/web", state: "running" });
  });

  it("with work of its owner in it is the same to the last byte after add, restart, stop and removal", async () => {
    const path = await rig.checkout("web", "https://github.com/acme/web.git");
    await writeFile(join(path, "committed.txt"), "one\n");
    const who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
    await run("git", ["add", "."], { cwd: path });
    await run("git", [...who, "commit", "-qm", "One"], { cwd: path });
    await writeFile(join(path, "committed.txt"), "one\ntwo\n");
    await writeFile(join(path, "new.txt"), "new\n");
    await writeFile(join(path, "staged.txt"), "staged\n");
    await run("git", ["add", "staged.txt"], { cwd: path });
    const before = await digest(path);
    const daemon = await rig.daemon();

    await daemon.ask({ action: "add_repo", path });
    for (const action of ["restart_repo", "stop_repo", "start_repo"]) await daemon.ask({ action, slug: "acme-web" });
    await daemon.ask({ action: "remove_repo", slug: "acme-web", force: true });

    expect(await digest(path)).toBe(before);
  });
});

describe("a clock", () => {
  it.each([-YEAR_MS, YEAR_MS])("set by %i ms loses no change and keeps no lock", async (shiftMs) => {
    await mkdir(rig.home, { mode: 0o700 });
    let offsetMs = 0;
    const clock: Clock = { ...systemClock, now: () => new Date(Date.now() + offsetMs) };
    const file = new RegistryFile(supervisorPaths(rig.home), clock);
    const { document } = await file.load();
    await using registry = new Registry({ file, document, clock, log: SILENT });
    const retire = (slug: string) =>
      registry.change((draft) =>
        ok({ document: { ...draft, retired: [...draft.retired, { slug, repo: `acme/${slug}` }] }, value: undefined }),
      );

    await retire("before");
    offsetMs = shiftMs;
    await retire("after");

    const next = await new RegistryFile(supervisorPaths(rig.home), systemClock).load();
    expect(next.document.retired.map(({ slug }) => slug)).toEqual(["before", "after"]);
    expect(next.degraded).toBeNull();
  });

  it("that is set back by a year between a kill and the next start loses no repository, no stop and no change", async () => {
    const first = await rig.daemonProcess();
    await ask(first.port, { action: "add_repo", path: await rig.checkout("web", "https://github.com/acme/web.git") });
    await ask(first.port, { action: "add_repo", path: await rig.checkout("shop", "https://github.com/acme/shop.git") });
    await ask(first.port, { action: "stop_repo", slug: "acme-shop" });
    first.child.kill("SIGKILL");
    await first.exited;
    // As a kill in the middle of a write leaves it; its time stamp is a year ahead of the next start.
    await mkdir(join(rig.home, "supervisor-state.json.lock"));
    const shift = await rig.file("shift", String(-YEAR_MS));

    const next = await rig.daemonProcess({}, { NODE_OPTIONS: `--import=${SET_BACK_CLOCK}?file=${shift}` });
    const path = await rig.checkout("docs", "https://github.com/acme/docs.git");
    const accepted = await ask(next.port, { action: "register_repo", path });
    const repos = await until("the worker of the one that was not stopped", async () => {
      const list = (await ask(next.port, { action: "list_repos" }))["repos"] as { slug: string; state: string }[];
      return list[0]?.state === "running" && list;
    });

    expect(accepted).toMatchObject({ status: "ok", slug: "acme-docs" });
    expect(repos.map(({ slug, state }) => [slug, state])).toEqual([
      ["acme-web", "running"],
      ["acme-shop", "stopped"],
      ["acme-docs", "stopped"],
    ]);
    const years = next.output().match(/(?<="ts":")\d{4}/g) ?? [];
    expect(new Set(years)).toEqual(new Set([String(new Date(Date.now() - YEAR_MS).getFullYear())]));
  });

  it("that was set back does not keep a quarantine for longer than it lasts", async () => {
    const daemon = await rig.daemon({ respawnDelayMs: 20, respawnDelayMaxMs: 40, respawnCountMax: 2 });
    await add(daemon, "crashes-later");
    await daemon.entryWhen("acme-crashes-later", "quarantine", ({ state }) => state === "quarantined");
    await until("the quarantine on disk", async () => JSON.stringify(await rig.state()).includes("2 crashes within"));
    await daemon[Symbol.asyncDispose]();
    await edit((text) => text.replace(/"at": "20\d\d/g, '"at": "2001'));

    const next = await rig.daemon({ respawnDelayMs: 20, respawnDelayMaxMs: 40, respawnCountMax: 2 });

    // Its half hour is long over: it is tried once more, crashes, and is tried again in a day.
    const { notice, last_exit: exit } = await next.entryWhen("acme-crashes-later", "the trial", ({ state }) => {
      return state === "quarantined" && next.events("repo.starting").length === 1;
    });
    await until("the trial on disk", async () => JSON.stringify(await rig.state()).includes('"isFinal":true'));
    const again = Date.parse(/; the next try is at (\S+)$/.exec(notice ?? "")?.[1] ?? "") - Date.parse(exit?.at ?? "");
    expect(notice).toMatch(/^quarantined: it crashed again after its quarantine: .*the fixture fails later/);
    expect(again).toBeGreaterThan(DAY_MS - 60_000);
  });
});

/** As root without the right to pass over the modes of files, which is how a daemon without root sees them. */
async function startWithoutRoot(): Promise<{ code: number | null; output: string }> {
  const script = fileURLToPath(new URL("daemon-process.ts", import.meta.url));
  const rights = ["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"];
  const child = spawn("setpriv", [...rights, process.execPath, script, rig.home, "none", "{}"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

/** Digests every file outside and inside of .git. */
async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  const names = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  for (const file of names.map(({ parentPath, name }) => join(parentPath, name)).toSorted()) {
    hash.update(`${file}\0`).update(await readFile(file));
  }
  return hash.digest("hex");
}

/** The state file as an older time would have written it, with its checksum. */
async function edit(change: (text: string) => string): Promise<void> {
  const { decodeDocument, encodeDocument } = await import("../../src/daemon/registry/registry-document.ts");
  const path = join(rig.home, "supervisor-state.json");
  const decoded = decodeDocument(await readFile(path, "utf8"));
  if (!decoded.ok) throw new Error("the state file is not good");
  const changed = JSON.parse(change(JSON.stringify(decoded.value, null, 1))) as typeof decoded.value;
  await writeFile(path, encodeDocument(changed));
}
