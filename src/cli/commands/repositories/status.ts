// `hydraflow status [slug]`: the daemon and all its repositories, or one of them in full. With --json: without a slug
// {"daemon":{"version","boot_id","uptime_s"},"repos":[RepoEntry]}, with one its RepoEntry.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import { slugOrAllArgument } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect, type DaemonClient } from "../../client/daemon-client.ts";
import { formatDuration } from "../../grammar/duration.ts";
import type { CommandResult } from "../../print/failure.ts";
import { plainText } from "../../print/plain-text.ts";
import { pingSchema, repoEntrySchema, repoListSchema } from "../../client/reply.ts";
import { formatRepositories, formatRepository } from "../../print/repository-table.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs.positional("slug", slugOrAllArgument);
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const { slug, json } = options;
  return slug === undefined ? showAll(client.value, json, terminal) : showOne(client.value, slug, json, terminal);
}

async function showAll(client: DaemonClient, json: boolean, terminal: Terminal): Promise<CommandResult> {
  const signal = terminal.untilInterrupted();
  const daemon = await client.call({ path: "/api/ping", reply: pingSchema }, signal);
  if (!daemon.ok) return daemon;
  const list = await client.call({ path: "/api/repos", reply: repoListSchema }, signal);
  if (!list.ok) return list;
  if (json) {
    terminal.write(`${JSON.stringify({ daemon: daemon.value, repos: list.value.repos })}\n`);
    return ok();
  }
  const { version, uptime_s: uptimeS, draining = false } = daemon.value;
  terminal.write(`hydraflow ${version}, up ${formatDuration(uptimeS)}${draining ? ", draining" : ""}\n\n`);
  if (draining) terminal.write("No new issue is taken; hydraflow drain --cancel takes it back\n\n");
  const { problems = [] } = daemon.value;
  if (problems.length > 0) terminal.write(`${problems.map((line) => `Degraded: ${plainText(line)}\n`).join("")}\n`);
  terminal.write(formatRepositories(list.value.repos, terminal));
  return ok();
}

async function showOne(client: DaemonClient, slug: string, json: boolean, terminal: Terminal): Promise<CommandResult> {
  const reply = await client.call(
    { path: `/api/repos/${slug}/status`, reply: repoEntrySchema },
    terminal.untilInterrupted(),
  );
  if (!reply.ok) return reply;
  terminal.write(json ? `${JSON.stringify(reply.value)}\n` : formatRepository(reply.value, terminal));
  return ok();
}
