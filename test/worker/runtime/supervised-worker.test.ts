// Runs the worker as a process of its own, with the test as its supervisor: real channel, real signals, real exit
// codes.

import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { hashToken } from "../../../src/core/http/bearer-token.ts";
import type { FromWorker, StartWorker } from "../../../src/core/messages/worker-message.ts";
import { sh } from "../git/git-fixture.ts";

const ENTRY = fileURLToPath(new URL("../../../src/worker/main.ts", import.meta.url));
const TOKEN = "token-of-this-spawn";
const WAIT_MS = 120_000;

class SupervisedWorker implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly messages: FromWorker[] = [];
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  readonly #waiting = new Set<() => void>();

  /** A worker without a data root was spawned before its repository was known. */
  constructor(dataRoot?: string) {
    this.child = fork(ENTRY, [], {
      env: { PATH: process.env["PATH"], ...(dataRoot === undefined ? {} : { HYDRAFLOW_HOME: dataRoot }) },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: [],
    });
    this.exited = once(this.child, "exit").then(([code, signal]) => ({ code, signal }));
    this.child.on("message", (message) => {
      this.messages.push(message as FromWorker);
      for (const look of this.#waiting) look();
    });
  }

  /** Returns the first message of this type, even one that came before. */
  async message<T extends FromWorker["type"]>(
    type: T,
    isIt: (message: Extract<FromWorker, { type: T }>) => boolean = () => true,
  ): Promise<Extract<FromWorker, { type: T }>> {
    const found = () =>
      this.messages.find((message) => message.type === type && isIt(message as Extract<FromWorker, { type: T }>));
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`never: ${type}; came: ${JSON.stringify(this.messages)}`)),
        WAIT_MS,
      );
      const look = (): void => {
        if (found() === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
    return found() as Extract<FromWorker, { type: T }>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.exited;
  }
}

class Place implements AsyncDisposable {
  readonly directory: string;

  static async create(): Promise<Place> {
    const place = new Place(await mkdtemp(join(tmpdir(), "hydraflow-worker-")));
    await mkdir(place.dataRoot, { recursive: true });
    await mkdir(place.checkout);
    sh(place.checkout, "init", "-q", "-b", "main");
    return place;
  }

  private constructor(directory: string) {
    this.directory = directory;
  }

  get dataRoot(): string {
    return join(this.directory, "home", "acme-web");
  }

  get checkout(): string {
    return join(this.directory, "web");
  }

  startMessage(change: Partial<StartWorker> = {}): StartWorker {
    return {
      type: "start",
      nonce: "nonce-1",
      generation: 1,
      repo: "acme/web",
      slug: "acme-web",
      checkout: this.checkout,
      dataRoot: this.dataRoot,
      acceptedTokenHashes: [hashToken(TOKEN)],
      githubToken: null,
      config: { file: null, environment: {}, commandLine: {} },
      ...change,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

describe("A worker under its supervisor", () => {
  it("says hello, gets ready without a credential, says what it lacks, and ends when asked", async () => {
    await using place = await Place.create();
    await using worker = new SupervisedWorker(place.dataRoot);

    expect(await worker.message("hello")).toEqual({ type: "hello", pid: worker.child.pid });
    worker.child.send(place.startMessage());
    const ready = await worker.message("ready");
    const answer = await fetch(`http://127.0.0.1:${ready.port}/api/runtimes`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const { runtimes } = (await answer.json()) as { runtimes: { notice: string }[] };
    worker.child.send({ type: "stop", nonce: "nonce-of-another-spawn" });
    const stillThere = await fetch(`http://127.0.0.1:${ready.port}/livez`);
    worker.child.send({ type: "stop", nonce: "nonce-1" });

    expect(ready.nonce).toBe("nonce-1");
    expect(runtimes[0]?.notice).toContain("no GitHub credential");
    expect(stillThere.status).toBe(200);
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(await worker.message("heartbeat")).toMatchObject({ nonce: "nonce-1", inFlight: 0 });
  });

  it.runIf(process.platform === "linux")("goes to its data root when it hears of it only now", async () => {
    await using place = await Place.create();
    await using worker = new SupervisedWorker();
    await worker.message("hello");

    worker.child.send(place.startMessage());
    await worker.message("ready");

    expect(await readlink(`/proc/${worker.child.pid}/cwd`)).toBe(place.dataRoot);
  });

  it("ends when its supervisor is gone", async () => {
    await using place = await Place.create();
    await using worker = new SupervisedWorker(place.dataRoot);
    await worker.message("hello");
    worker.child.send(place.startMessage());
    await worker.message("ready");

    worker.child.disconnect();

    expect(await worker.exited).toEqual({ code: 0, signal: null });
  });

  it("ends on SIGTERM, also before it was told anything", async () => {
    await using place = await Place.create();
    await using worker = new SupervisedWorker(place.dataRoot);
    await worker.message("hello");

    worker.child.kill("SIGTERM");

    expect(await worker.exited).toEqual({ code: 0, signal: null });
  });

  it("says why a wrong configuration keeps it from starting, and exits so that nobody tries again", async () => {
    await using place = await Place.create();
    await mkdir(join(place.checkout, ".hydraflow"));
    await writeFile(
      join(place.checkout, ".hydraflow", "config.json"),
      '{"maxWorkers": 99, "githubApiUrl": "https://evil.test"}',
    );
    await using worker = new SupervisedWorker(place.dataRoot);
    await worker.message("hello");
    worker.child.send(place.startMessage());

    const failed = await worker.message("failed");

    expect(failed.reason).toContain("maxWorkers");
    expect(failed.reason).toContain("githubApiUrl: may only be set by the machine's operator");
    expect(await worker.exited).toEqual({ code: 78, signal: null });
  });

  it("says which shortage keeps it from starting, and that it is one, by its exit code too", async () => {
    await using place = await Place.create();
    await using worker = new SupervisedWorker(place.dataRoot);
    await worker.message("hello");
    // The next thing that it opens is one descriptor too many.
    execFileSync("prlimit", ["--pid", `${worker.child.pid}`, "--nofile=16:16"]);
    worker.child.send(place.startMessage());

    const failed = await worker.message("failed");

    expect(failed).toMatchObject({ isShortage: true, reason: expect.stringMatching(/^EMFILE: .*/) as string });
    expect(await worker.exited).toEqual({ code: 71, signal: null });
  });

  it("is never the second one on a data root", async () => {
    await using place = await Place.create();
    await using first = new SupervisedWorker(place.dataRoot);
    await first.message("hello");
    first.child.send(place.startMessage());
    await first.message("ready");
    await using second = new SupervisedWorker(place.dataRoot);
    await second.message("hello");
    second.child.send(place.startMessage({ nonce: "nonce-2" }));

    expect(await second.exited).toEqual({ code: 75, signal: null });
    expect(first.child.exitCode).toBeNull();
  });
});
