// Waits until a daemon is ready: for a service manager's start, and for scripts. After a wait in vain it says the last
// thing that it saw. The state directory is read anew at every look, since the daemon writes its port there.

import { setTimeout as delay } from "node:timers/promises";

import { errnoOf } from "../../core/base/errors.ts";
import { ok } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import type { ClientOptions } from "../grammar/command.ts";
import { connect } from "./daemon-client.ts";
import { type CommandResult, failWith } from "../print/failure.ts";
import type { Terminal } from "../print/terminal.ts";

const LOOK_MS = 100;
const LOOK_TIMEOUT_MS = 5_000;

/** A daemon that is not ready answers this path with status 503. */
const READY_PATH = "/readyz";

export interface ReadinessWait {
  readonly seconds: number;
  /** The pid of the daemon; waiting ends when there is no such process. */
  readonly pid: number | undefined;
}

/** Failures that time may mend; every other one ends the wait at once. */
const MAY_PASS: ReadonlySet<string> = new Set(["noDaemon", "tryAgain"]);

export async function awaitReady(
  options: Pick<ClientOptions, "home" | "url">,
  wait: ReadinessWait,
  terminal: Terminal,
): Promise<CommandResult> {
  const interrupted = terminal.untilInterrupted();
  const deadline = performance.now() + wait.seconds * 1_000;
  for (;;) {
    const seen = await look(options, terminal, interrupted);
    if (seen.ok || !MAY_PASS.has(seen.failure.exit)) return seen;
    if (interrupted.aborted) return failWith("failure", "interrupted");
    if (wait.pid !== undefined && isGone(wait.pid)) {
      return failWith("noDaemon", `the daemon ended before it was ready; its log says why`);
    }
    if (performance.now() >= deadline) {
      return failWith("noDaemon", `the daemon is not ready after ${wait.seconds} s: ${seen.failure.message}`);
    }
    await delay(LOOK_MS, undefined, { signal: interrupted }).catch(() => undefined);
  }
}

async function look(
  options: Pick<ClientOptions, "home" | "url">,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const reply = await client.value.call({ path: READY_PATH, reply: z.unknown(), timeoutMs: LOOK_TIMEOUT_MS }, signal);
  return reply.ok ? ok() : reply;
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errnoOf(error) === "ESRCH";
  }
}
