// Tests need some programs from Debian. A missing one fails the test with the command that mends it.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";

const PLACES = ["/usr/bin", "/usr/sbin"];

/** Gives the program's path; throws one clear line where it is not installed. */
export function debianProgram(name: string, debianPackage: string): string {
  for (const place of PLACES) {
    try {
      accessSync(`${place}/${name}`, constants.X_OK);
      return `${place}/${name}`;
    } catch {
      // The program is not here; the next place may have it.
    }
  }
  throw new Error(`this test runs the real ${name}: apt-get install --no-install-recommends ${debianPackage}`);
}

export interface Finished {
  readonly code: number;
  /** It holds stdout and stderr. */
  readonly output: string;
}

export async function runProgram(path: string, args: readonly string[], input = ""): Promise<Finished> {
  const child = execFile(path, args, { encoding: "utf8" });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += String(chunk)));
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  await once(child, "close");
  return { code: child.exitCode ?? -1, output };
}

export class RunningProgram implements AsyncDisposable {
  readonly #child: ChildProcess;
  output = "";

  constructor(path: string, args: readonly string[]) {
    this.#child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk) => (this.output += String(chunk)));
    }
  }

  /** Throws what the program said when it has ended by itself. */
  assertRunning(): void {
    if (this.#child.exitCode !== null) throw new Error(`it exited with ${this.#child.exitCode}: ${this.output}`);
  }

  /** Sends SIGTERM, and waits for what the program still does until it ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGTERM");
    await once(this.#child, "exit");
  }
}

/** Some programs cannot be told to take any free port, so they get this one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
