// `hydraflow ping`: asks whether the daemon is there. With --json: {"version","boot_id","uptime_s"}.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import { readCount } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect } from "../../client/daemon-client.ts";
import { formatDuration } from "../../grammar/duration.ts";
import type { CommandResult } from "../../print/failure.ts";
import { awaitReady } from "../../client/readiness.ts";
import { pingSchema } from "../../client/reply.ts";
import type { Terminal } from "../../print/terminal.ts";

const WAIT_SECONDS_MAX = 3_600;
const PID_MAX = 4_194_304;

export function build(yargs: Argv<ClientOptions>) {
  return yargs
    .option("wait", {
      describe: "wait until it is ready, at most so many seconds",
      type: "string",
      requiresArg: true,
      coerce: (text: string | undefined) => readCount(text, WAIT_SECONDS_MAX),
    })
    .option("pid", {
      describe: "with --wait: the daemon's process; give up when it has ended",
      type: "string",
      requiresArg: true,
      implies: "wait",
      coerce: (text: string | undefined) => readCount(text, PID_MAX),
    });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const { wait: seconds, pid } = options;
  if (seconds !== undefined) {
    const ready = await awaitReady(options, { seconds, pid }, terminal);
    if (!ready.ok) return ready;
  }
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const reply = await client.value.call({ path: "/api/ping", reply: pingSchema }, terminal.untilInterrupted());
  if (!reply.ok) return reply;
  const { version, uptime_s: uptimeS, draining = false } = reply.value;
  const line = `hydraflow ${version}, up ${formatDuration(uptimeS)}${draining ? ", draining" : ""}`;
  terminal.write(`${options.json ? JSON.stringify(reply.value) : line}\n`);
  return ok();
}
