// `hydraflow reload`: the daemon reads its configuration again. With --json: {"changed","needs_restart","restarting"}.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect } from "../../client/daemon-client.ts";
import type { CommandResult } from "../../print/failure.ts";
import { reloadReplySchema } from "../../client/reply.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs;
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const reply = await client.value.call(
    { method: "POST", path: "/api/reload", reply: reloadReplySchema },
    terminal.untilInterrupted(),
  );
  if (!reply.ok) return reply;
  const { changed, needs_restart, restarting } = reply.value;
  const lines = [
    changed.length === 0 ? "nothing has changed" : `changed: ${changed.join(", ")}`,
    ...(needs_restart.length === 0 ? [] : [`in use after a restart of the daemon: ${needs_restart.join(", ")}`]),
    ...(restarting.length === 0 ? [] : [`restarted one by one: ${restarting.join(", ")}`]),
  ];
  terminal.write(options.json ? `${JSON.stringify(reply.value)}\n` : `${lines.join("\n")}\n`);
  return ok();
}
