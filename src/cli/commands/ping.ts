// `hydraflow ping`: is the daemon there. With --json: {"version","boot_id","uptime_s"}.

import type { Argv } from "yargs";

import { ok } from "../../core/result.ts";
import type { ClientOptions, OptionsOf } from "../command.ts";
import { connect } from "../daemon-client.ts";
import { formatDuration } from "../duration.ts";
import type { CommandResult } from "../failure.ts";
import { pingSchema } from "../reply.ts";
import type { Terminal } from "../terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs;
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const reply = await client.value.call({ path: "/api/ping", reply: pingSchema }, terminal.untilInterrupted());
  if (!reply.ok) return reply;
  const { version, uptime_s: uptimeS } = reply.value;
  terminal.write(
    options.json ? `${JSON.stringify(reply.value)}\n` : `hydraflow ${version}, up ${formatDuration(uptimeS)}\n`,
  );
  return ok();
}
