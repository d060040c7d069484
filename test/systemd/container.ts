// The container runs a real systemd and is made from this machine: its root file system below an overlay in memory, a
// network of its own with nothing but loopback, the project at /opt/hydraflow. What is written is kept over a reboot of
// the container and gone with it. The mounts live in a mount namespace of the container's shell, so nothing of them can
// be left behind.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const WAIT_MS = 120_000;
/** lintian unpacks a whole Node. */
const COMMAND_TIMEOUT_MS = 280_000;
const LOOK_MS = 100;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
/** systemd-nspawn ends with this when the container wants to start anew. */
const EXIT_REBOOT = 133;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** $1 is an empty directory, $2 and so on are the container's command. */
const KEEP_CONTAINER = `
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1"; shift
while true; do
  code=0; "$@" || code=$?
  [ "$code" = ${EXIT_REBOOT} ] || exit "$code"
done`;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ContainerOptions {
  /** Each directory here stands read-only at this path there, beside the project. */
  readonly binds?: Readonly<Record<string, string>>;
}

export class Container implements AsyncDisposable {
  readonly #shell: ChildProcess;
  readonly #directory: string;
  #output = "";

  static async boot({ binds = {} }: ContainerOptions = {}): Promise<Container> {
    const directory = await mkdtemp(join(tmpdir(), "hydraflow-container-"));
    const nspawn = [
      "systemd-nspawn",
      "--quiet",
      "--directory=root",
      "--boot",
      "--register=no",
      "--keep-unit",
      "--console=pipe",
    ];
    const apart = ["--link-journal=no", "--private-network", `--machine=hydraflow-${randomUUID().slice(0, 8)}`];
    const mounts = Object.entries({ [PROJECT.replace(/\/$/, "")]: "/opt/hydraflow", ...binds });
    const command = [...nspawn, ...apart, ...mounts.map(([here, there]) => `--bind-ro=${here}:${there}`)];
    const shell = spawn(
      "unshare",
      ["--mount", "--propagation=private", "sh", "-c", KEEP_CONTAINER, "sh", directory, ...command],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const container = new Container(shell, directory);
    try {
      await container.#untilBooted(undefined);
      return container;
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(shell: ChildProcess, directory: string) {
    this.#shell = shell;
    this.#directory = directory;
    for (const stream of [shell.stdout, shell.stderr])
      stream?.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** Runs a shell command in the container, as root. */
  async run(command: string): Promise<Ended> {
    const init = await this.#init();
    if (init === undefined) return { code: -1, stdout: "", stderr: "the container is not running" };
    const args = ["--target", String(init), "--all", "--", "/bin/sh", "-c", command];
    return new Promise((resolve, reject) => {
      const options = {
        env: { PATH, HOME: "/root", LC_ALL: "C.UTF-8" },
        timeout: COMMAND_TIMEOUT_MS,
        maxBuffer: OUTPUT_BYTES_MAX,
      };
      execFile("nsenter", args, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === "number") resolve({ code, stdout, stderr });
        else reject(new Error(`${command}: ${error?.message ?? "no exit code"}`));
      });
    });
  }

  /** Gives its stdout; throws when the command fails. */
  async must(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(command);
    if (code !== 0) throw new Error(`${command}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Writes a text file, with the modes and the owner of what lies there already. */
  async write(path: string, content: string): Promise<void> {
    await this.must(`printf %s '${Buffer.from(content).toString("base64")}' | base64 -d > '${path}'`);
  }

  /** Looks again and again; throws with the service's journal when it does not come true. */
  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    while (!(await condition())) {
      if (Date.now() > deadline) {
        const { stdout } = await this.run("journalctl --unit hydraflow --lines 40 --no-pager");
        throw new Error(`within ${WAIT_MS / 1_000} s it did not come true that ${what}; journal:\n${stdout}`);
      }
      await delay(LOOK_MS);
    }
  }

  async reboot(): Promise<void> {
    const before = await this.#init();
    await this.run("systemctl reboot");
    await this.#untilBooted(before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isOver = (): boolean => this.#shell.exitCode !== null || this.#shell.signalCode !== null;
    const over = isOver() ? Promise.resolve() : once(this.#shell, "exit");
    const nspawn = await onlyChild(this.#shell.pid);
    if (nspawn !== undefined && !isOver()) process.kill(nspawn, "SIGTERM");
    await Promise.race([over, delay(WAIT_MS, undefined, { ref: false })]);
    if (!isOver() && nspawn !== undefined) process.kill(nspawn, "SIGKILL");
    await over;
    await rm(this.#directory, { recursive: true });
  }

  /** Gives the pid of its systemd as it is seen from here. */
  async #init(): Promise<number | undefined> {
    return onlyChild(await onlyChild(this.#shell.pid));
  }

  async #untilBooted(before: number | undefined): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      if (this.#shell.exitCode !== null)
        throw new Error(`no container with systemd can be made here: ${this.#output.trim()}`);
      if (Date.now() > deadline)
        throw new Error(`the container has not booted within ${WAIT_MS / 1_000} s: ${this.#output.trim()}`);
      const init = await this.#init();
      if (init !== undefined && init !== before) {
        const { stdout } = await this.run("systemctl is-system-running");
        if (/^(?:running|degraded)$/m.test(stdout)) return;
      }
      await delay(LOOK_MS);
    }
  }
}

async function onlyChild(pid: number | undefined): Promise<number | undefined> {
  if (pid === undefined) return undefined;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return /^\d+/.test(children) ? Number.parseInt(children, 10) : undefined;
}
