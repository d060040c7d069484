// Every task begins here: this script brings dependencies and the build up to date, then runs the task on the pinned
// Node. It runs on Node 18 and newer with nothing installed. stdout belongs to the task alone; all that this script
// says goes to stderr.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { installIfStale } from "./install.mjs";
import { findRuntime, NODE_MAJOR_MIN, root } from "./runtime.mjs";

/** Each task is done by a Node process with these arguments; undefined means that preparing is all there is to do. */
const TASKS = {
  setup: undefined,
  demo: ["dist/cli.js", "demo"],
  test: ["scripts/test.mjs"],
  bench: ["bench/main.mjs"],
  "test:exactly-once": ["scripts/exactly-once.mjs"],
  soak: ["scripts/soak.mjs"],
  "test:faults": ["scripts/faults.mjs"],
  "test:host": ["scripts/test.mjs", "--project", "host"],
  "test:agents": ["scripts/test.mjs", "--project", "agents"],
  "test:systemd": ["scripts/test.mjs", "--project", "systemd"],
};

async function main([task, ...rest]) {
  if (task === undefined || !Object.hasOwn(TASKS, task)) {
    return refuse(`usage: node scripts/run.mjs ${Object.keys(TASKS).join("|")} [arguments]`);
  }
  if (!installIfStale()) return 1;
  const runtime = findRuntime();
  if (runtime === undefined) {
    return refuse(
      `HydraFlow needs Node ${NODE_MAJOR_MIN} or newer, this is ${process.version}, and no pinned Node is installed for ` +
        `${process.platform}-${process.arch}; install Node ${NODE_MAJOR_MIN} and run this again.`,
    );
  }
  const { buildIfStale } = await import("./build.mjs");
  if (await buildIfStale()) process.stderr.write("Built dist/.\n");
  const command = TASKS[task];
  if (command === undefined) {
    process.stderr.write(`Ready: ${join(root, "bin", "hydraflow")} --help\n`);
    return 0;
  }
  const [script, ...fixed] = command;
  return runTask(runtime, [join(root, script), ...fixed, ...rest]);
}

function refuse(line) {
  process.stderr.write(`${line}\n`);
  return 1;
}

/** Resolves with the exit code to end with; a task killed by a signal gives 128 and its number, as a shell does. */
function runTask(runtime, args) {
  const child = spawn(runtime, args, { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to the whole foreground group, so the task has it already; a second signal would force it.
  process.on("SIGINT", () => {
    if (!process.stdin.isTTY) child.kill("SIGINT");
  });
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(refuse(`${runtime}: ${error.message}`)));
    child.on("exit", (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    process.exitCode = refuse(error instanceof Error ? error.message : String(error));
  },
);
