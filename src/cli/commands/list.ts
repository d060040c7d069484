// `hydraflow list`: every repository, running or not. With --json: {"repos":[RepoEntry]}, as core/supervisor-control.ts
// describes it.

import type { Argv } from "yargs";

import { ok } from "../../core/result.ts";
import type { ClientOptions, OptionsOf } from "../command.ts";
import { connect } from "../daemon-client.ts";
import type { CommandResult } from "../failure.ts";
import { repoListSchema } from "../reply.ts";
import { formatRepositories } from "../repository-table.ts";
import type { Terminal } from "../terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs;
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const reply = await client.value.call({ path: "/api/repos", reply: repoListSchema }, terminal.untilInterrupted());
  if (!reply.ok) return reply;
  terminal.write(options.json ? `${JSON.stringify(reply.value)}\n` : formatRepositories(reply.value.repos, terminal));
  return ok();
}
