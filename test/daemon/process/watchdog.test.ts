// The watchdog thread, in processes of its own: it ends the process it watches.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const FIXTURE = fileURLToPath(new URL("../../fixtures/daemon/blocks-its-loop.ts", import.meta.url));

test("a process whose loop stands still is ended with one line on stderr", async () => {
  const ended = await runFixture("block");

  expect(ended).toEqual({
    code: null,
    signal: "SIGKILL",
    stdout: "alive after several limits\n",
    stderr: "hydraflow: the event loop has stood still for 2 s; the process ends itself\n",
  });
});

test("a process whose loop turns is left alone, and the watchdog does not keep it alive", async () => {
  const ended = await runFixture("return");

  expect(ended).toEqual({ code: 0, signal: null, stdout: "alive after several limits\n", stderr: "" });
});

async function runFixture(how: string) {
  const child = spawn(process.execPath, [FIXTURE, how], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}
