// This minimal supervisor starts the workers in BENCH_WORKERS, and each again as soon as it ends. It does nothing else.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const { runtime, flags, entry, workers } = JSON.parse(readFileSync(process.env.BENCH_WORKERS, "utf8"));
let isStopping = false;
const children = new Set();
for (const worker of workers) run(worker);

function run(worker) {
  const { start, dataRoot: cwd, environment: env } = worker;
  const child = spawn(runtime, [...flags, entry], {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  children.add(child);
  child.on("message", (message) => {
    if (message.type === "hello") child.send(start);
    if (message.type === "ready") process.stdout.write(`${JSON.stringify({ msg: "repo.ready", pid: child.pid })}\n`);
  });
  child.on("exit", () => {
    children.delete(child);
    if (!isStopping) run(worker);
  });
}

process.on("SIGTERM", () => {
  isStopping = true;
  for (const child of children) child.kill("SIGTERM");
});
