import { chmod, mkdir, readFile, readdir, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ask, fixtureWorker, NEVER, Rig, until } from "./daemon-rig.ts";
import { openStateDirectory } from "../../src/daemon/process/state-directory.ts";
import { startDaemon } from "../../src/daemon/daemon.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

describe("a second daemon on one state directory", () => {
  it("ends at once with exit code 75 and names the first, which goes on", async () => {
    const first = await rig.daemonProcess();

    const second = rig.spawnDaemon();

    expect(await second.exited).toBe(75);
    expect(second.output().trim()).toBe(
      `hydraflow: another daemon with pid ${first.pid} runs on ${rig.home}; stop it first, or give --home or HYDRAFLOW_HOME another directory`,
    );
    expect(await ask(first.port, { action: "ping" })).toMatchObject({ status: "ok" });
    expect(await readFile(join(rig.home, "supervisor-port"), "utf8")).toBe(String(first.port));
  });
});

describe("a start that cannot succeed", () => {
  it("names every wrong setting and exits 78", async () => {
    await rig.file("home/config.json", JSON.stringify({ pollIntervalMs: "often", tcpPrt: 1 }));

    const daemon = rig.spawnDaemon({}, { HYDRAFLOW_MAX_WORKERS: "99" });

    expect(await daemon.exited).toBe(78);
    for (const name of ["pollIntervalMs", "tcpPrt", "HYDRAFLOW_MAX_WORKERS"]) expect(daemon.output()).toContain(name);
    expect(await readdir(rig.home)).toEqual(["config.json"]);
  });

  it("exits 78 when the configuration is no JSON object", async () => {
    await rig.file("home/config.json", "[");
    const daemon = rig.spawnDaemon();

    expect(await daemon.exited).toBe(78);
    expect(daemon.output()).toContain("config.json");
  });

  it.each(["tcpPort", "httpPort"])(
    "says that the port of %s is in use, exits 75, and leaves no port file",
    async (setting) => {
      const foreign = createServer().listen(0, "127.0.0.1");
      await until("a port", () => foreign.listening);
      const address = foreign.address();
      const port = typeof address === "object" ? address?.port : undefined;

      const daemon = rig.spawnDaemon({ [setting]: port });

      expect(await daemon.exited).toBe(75);
      expect(daemon.output()).toContain(`port ${port} is in use by node (pid ${process.pid})`);
      expect(await readdir(rig.home)).not.toContain("supervisor-port");
      foreign.close();
    },
  );

  it.each(["token", "metrics-token", "github-token"])(
    "refuses a file %s that others can read with exit code 78, says what to run, and makes nothing",
    async (name) => {
      const file = await rig.file(`home/${name}`, "abc\n");
      await chmod(file, 0o644);
      const daemon = rig.spawnDaemon();

      expect(await daemon.exited).toBe(78);
      expect(daemon.output()).toContain(`${file} can be read by other users; run: chmod 600 ${file}`);
      expect(await readFile(file, "utf8")).toBe("abc\n");
      expect(await readdir(rig.home)).not.toContain("supervisor-state.json");
    },
  );

  it("leaves a file of a newer version alone and exits 78", async () => {
    const file = await rig.file("home/supervisor-state.json", '{"schema":3}');
    const daemon = rig.spawnDaemon();

    expect(await daemon.exited).toBe(78);
    expect(await readFile(file, "utf8")).toBe('{"schema":3}');
  });
});

describe("the state directory", () => {
  it("of the first implementation is closed to others", async () => {
    await mkdir(rig.home, { mode: 0o755 });

    await openStateDirectory(rig.home);

    expect((await stat(rig.home)).mode & 0o777).toBe(0o700);
  });
});

describe("a start that is given up", () => {
  it("ends with the reason and gives the lock back", async () => {
    const stop = AbortSignal.abort(new Error("enough"));
    const worker = { runtime: process.execPath, flags: [], entry: fixtureWorker("good") };
    const options = {
      home: rig.home,
      environment: {},
      commandLine: { tcpPort: 0, httpPort: 0 },
      worker,
      mirror: { write: () => undefined },
      readUsage: () => ({ rssBytes: 0, heapUsedBytes: 0, cpuSeconds: 0 }),
    };

    await expect(startDaemon(options, { stop, force: NEVER })).rejects.toThrow("enough");
    const daemon = await rig.daemon();

    expect(await daemon.ask({ action: "ping" })).toMatchObject({ status: "ok" });
  });
});
