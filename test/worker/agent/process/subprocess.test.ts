import { mkdtempDisposable, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { processIdentity } from "../../../../src/core/processes/process-tree.ts";
import {
  type CommandEnd,
  type CommandOptions,
  runCommand,
  runLines,
} from "../../../../src/worker/agent/process/subprocess.ts";

const NEVER = new AbortController().signal;
const env = { PATH: "/usr/bin:/bin" };

function shell(script: string, options: Partial<CommandOptions> = {}): CommandOptions {
  return {
    command: "/bin/sh",
    args: ["-c", script],
    cwd: tmpdir(),
    env,
    timeoutMs: 60_000,
    outputBytesMax: 1_000,
    ...options,
  };
}

describe("running a command", () => {
  it("gives its exit code and both outputs", async () => {
    const end = await runCommand(shell("echo out; echo err >&2; exit 3"), NEVER);

    expect(end).toMatchObject({ exitCode: 3, signal: null, timedOut: false });
    expect(end.output.split("\n").toSorted()).toEqual(["", "err", "out"]);
  });

  it("has its group on record while it lives", async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), "hydraflow-test-"));
    const record = { directory: join(directory.path, "groups"), marks: { HYDRAFLOW_BIRTH: "spawn" } };
    const script = `cd ${directory.path}; until grep -h . groups/*.json 2>&-; do sleep 0.02; done`;

    const end = await runCommand(shell(script, { record }), NEVER);

    expect(JSON.parse(end.output)).toMatchObject({ pid: expect.any(Number) as number, marks: record.marks });
    expect(await readdir(record.directory)).toEqual([]);
  });

  it("loses nothing of what ends before anybody could read it", async () => {
    const ends = await Promise.all(Array.from({ length: 60 }, () => runCommand(shell("echo quick"), NEVER)));

    expect(ends.map((end) => end.output)).toEqual(Array.from({ length: 60 }, () => "quick\n"));
  });

  it("keeps the tail of a flood, and says that it is one", async () => {
    const end = await runCommand(shell("seq 1 200000; echo the end", { outputBytesMax: 100 }), NEVER);

    expect(end.output).toMatch(/^\[…\]/);
    expect(end.output).toMatch(/200000\nthe end\n$/);
    expect(Buffer.byteLength(end.output)).toBeLessThan(120);
  });

  it("ends the whole tree when the time is over", async () => {
    const runFor = async (timeoutMs: number): Promise<CommandEnd> => {
      const end = await runCommand(shell("sleep 1000 & echo $!; sleep 1000", { timeoutMs }), NEVER);
      expect(end).toMatchObject({ exitCode: null, signal: "SIGTERM", timedOut: true });
      // A busy machine may not even have started the shell by then.
      return end.output === "" ? runFor(4 * timeoutMs) : end;
    };
    const end = await runFor(300);

    expect(end.output).toMatch(/^\d+\n$/);
    expect(await processIdentity(Number(end.output))).toBeNull();
  });

  it("ends when it is aborted, and does not call that a time-out", async () => {
    expect(await runCommand(shell("sleep 1000"), AbortSignal.abort())).toMatchObject({
      signal: "SIGTERM",
      timedOut: false,
    });
  });

  it("does not wait for a child that holds on to its output", async () => {
    const end = await runCommand(shell("sleep 1000 & echo $!"), NEVER);

    expect(end).toMatchObject({ exitCode: 0 });
    expect(end.output).toMatch(/^\d+\n$/);
    expect(await processIdentity(Number(end.output))).toBeNull();
  });

  it("gives no environment but the one it was given, and the mark of the run", async () => {
    const end = await runCommand(shell("env", { env: { ONLY: "this" } }), NEVER);

    const names = end.output
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0]);
    expect(names).toEqual(expect.arrayContaining(["ONLY", "HYDRAFLOW_RUN"]));
    expect(names).not.toContain("HOME");
  });

  it("ends like a shell when the command cannot be run", async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), "hydraflow-test-"));

    const end = await runCommand(shell("", { command: join(directory.path, "missing") }), NEVER);

    expect(end).toMatchObject({ exitCode: 127, output: expect.stringContaining("ENOENT") as string });
  });
});

function refuse(): never {
  throw new Error("no more");
}

describe("running a process by lines", () => {
  it("reads no faster than its lines are taken", async () => {
    const taken: string[] = [];
    let open = 0;
    let openMax = 0;
    const onLine = async (line: string): Promise<void> => {
      open += 1;
      openMax = Math.max(openMax, open);
      await new Promise((resolve) => setImmediate(resolve));
      taken.push(line);
      open -= 1;
    };

    const end = await runLines(
      { command: "/bin/sh", args: ["-c", "seq 1 3000"], cwd: tmpdir(), env, input: "", onLine },
      NEVER,
    );

    expect(end).toMatchObject({ kind: "ended", exitCode: 0 });
    expect(openMax).toBe(1);
    expect(taken).toEqual(Array.from({ length: 3_000 }, (_, index) => String(index + 1)));
  });

  it("ends the process when a line cannot be taken, and passes the reason on", async () => {
    const running = runLines(
      { command: "/bin/sh", args: ["-c", "echo x; sleep 1000"], cwd: tmpdir(), env, input: "", onLine: refuse },
      NEVER,
    );

    await expect(running).rejects.toThrow("no more");
  });

  it("does not mind a process that closes its input unread", async () => {
    const input = "x".repeat(1_000_000);

    const end = await runLines(
      { command: "/bin/sh", args: ["-c", "exec 0<&-; echo hi"], cwd: tmpdir(), env, input, onLine: () => undefined },
      NEVER,
    );

    expect(end).toMatchObject({ kind: "ended", exitCode: 0 });
  });
});
