// Everything that can be checked without running the program is checked here: format, lint, types, unused code. It
// prints one line a step when green, and the whole output of each step that failed.

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./runtime.mjs";

const STEPS = [
  { name: "lint", command: "oxlint", args: ["--quiet"] },
  { name: "types", command: "tsc", args: ["-p", "."] },
  { name: "unused", command: "knip", args: ["--no-progress"] },
  { name: "format", command: "biome", args: ["format", "--log-level=warn"] },
];
const STEPS_AT_ONCE_MAX = 4;

/** Runs every step; returns the names of those that failed. */
export async function check() {
  const waiting = [...STEPS];
  const failed = [];
  const lanes = Array.from({ length: Math.min(availableParallelism(), STEPS_AT_ONCE_MAX) }, async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      if (!(await passes(step))) failed.push(step.name);
    }
  });
  await Promise.all(lanes);
  return failed;
}

async function passes(step) {
  const startedAt = Date.now();
  const { code, output } = await run(step);
  const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
  process.stdout.write(`${code === 0 ? "ok    " : "FAILED"} ${step.name} (${seconds} s)\n${code === 0 ? "" : output}`);
  return code === 0;
}

function run({ command, args }) {
  const bin = join(root, "node_modules", ".bin");
  const child = spawn(join(bin, command), args, {
    cwd: root,
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 1, output: `${error.message}\n` }));
    child.on("close", (code) => resolve({ code, output }));
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const failed = await check();
  if (failed.length > 0) process.stdout.write(`failed: ${failed.join(", ")}; npm run fix mends format and some lint\n`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}
