// Ends a supervisor whose event loop stands still, so that the service manager starts a new one. A thread of its own
// does it, since nothing that runs on the loop could: the loop beats into shared memory, and the thread sleeps in the
// kernel until the next beat or the limit. Nobody can turn it off, or answer for the loop from outside. It sends
// SIGKILL: libraries catch every other signal (signal-exit does, behind proper-lockfile) on the loop that stands still.

import { Worker } from "node:worker_threads";

const LIMIT_MS = 30_000;
const BEATS_PER_LIMIT = 6;
/** A process that was stopped or starved as a whole beats again first thing; a second missed limit is
 * the loop's own. */
const SECOND_CHANCE_MS = 2_000;
/** The thread holds one loop and nothing else. Node needs some of this to start one; a thread costs 12 MiB in all. */
const HEAP_MIB = 16;

/** The thread runs this. `Atomics.wait` counts monotonic time, so neither a changed clock nor a sleep sets it off. */
const WATCH = `
const { workerData: { beats, limitMs, secondChanceMs } } = require("node:worker_threads");
const { writeSync } = require("node:fs");
for (;;) {
  const seen = Atomics.load(beats, 0);
  if (Atomics.wait(beats, 0, seen, limitMs) !== "timed-out") continue;
  if (Atomics.wait(beats, 0, seen, secondChanceMs) !== "timed-out") continue;
  try {
    writeSync(2, "hydraflow: the event loop has stood still for " + limitMs / 1000 + " s; the process ends itself\\n");
  } finally {
    process.kill(process.pid, "SIGKILL");
  }
}`;

/** Watches from now until it is disposed of. Only tests give another limit. */
export function startWatchdog(limitMs = LIMIT_MS, secondChanceMs = SECOND_CHANCE_MS): AsyncDisposable {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const thread = new Worker(WATCH, {
    eval: true,
    env: {},
    name: "watchdog",
    workerData: { beats, limitMs, secondChanceMs },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, maxYoungGenerationSizeMb: 1 },
  });
  thread.unref();
  const beat = setInterval(() => {
    Atomics.add(beats, 0, 1);
    Atomics.notify(beats, 0);
  }, limitMs / BEATS_PER_LIMIT);
  beat.unref();
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(beat);
      await thread.terminate();
    },
  };
}
