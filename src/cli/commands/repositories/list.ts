// `hydraflow list`: every repository, running or not. With --json: {"repos":[RepoEntry]}, which
// core/messages/supervisor-control.ts describes.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect } from "../../client/daemon-client.ts";
import type { CommandResult } from "../../print/failure.ts";
import { repoListSchema } from "../../client/reply.ts";
import { formatRepositories } from "../../print/repository-table.ts";
import type { Terminal } from "../../print/terminal.ts";

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
