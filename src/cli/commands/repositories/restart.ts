// `hydraflow restart <slug>`: a new generation of the worker; also ends a quarantine. With `--rolling` what is in
// flight is finished first, within a bound; with `--all --rolling` this goes through every running worker, one after
// the other. With --json: its RepoEntry, one line each.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import { slugOrAllArgument } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect, type DaemonClient, LIFECYCLE_TIMEOUT_MS, ROLLING_TIMEOUT_MS } from "../../client/daemon-client.ts";
import { type CommandResult, failWith } from "../../print/failure.ts";
import { repoEntrySchema, repoListSchema } from "../../client/reply.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs
    .positional("slug", { ...slugOrAllArgument, describe: "repository, as 'hydraflow list' shows it" })
    .option("all", { describe: "every running worker; with --rolling only", type: "boolean", default: false })
    .option("rolling", { describe: "finish what is in flight first", type: "boolean", default: false })
    .check(({ slug, all, rolling }) => {
      if ((slug === undefined) !== all) throw new Error("give a slug, or --all");
      if (all && !rolling) throw new Error("--all needs --rolling, so that not everything stops at once");
      return true;
    });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const signal = terminal.untilInterrupted();
  const parts = { client: client.value, options, terminal };
  if (options.slug !== undefined) return restartOne(parts, options.slug, signal);
  const list = await client.value.call({ path: "/api/repos", reply: repoListSchema }, signal);
  if (!list.ok) return list;
  const failed: string[] = [];
  for (const { slug } of list.value.repos.filter(({ running }) => running)) {
    const restarted = await restartOne(parts, slug, signal);
    if (signal.aborted) return restarted;
    if (!restarted.ok) failed.push(`${slug}: ${restarted.failure.message}`);
  }
  return failed.length === 0 ? ok() : failWith("failure", failed.join("\n"));
}

interface RestartParts {
  readonly client: DaemonClient;
  readonly options: OptionsOf<typeof build>;
  readonly terminal: Terminal;
}

async function restartOne(
  { client, options: { rolling, json }, terminal }: RestartParts,
  slug: string,
  signal: AbortSignal,
): Promise<CommandResult> {
  const reply = await client.call(
    {
      method: "POST",
      path: `/api/repos/${slug}/restart${rolling ? "?rolling=true" : ""}`,
      reply: repoEntrySchema,
      timeoutMs: rolling ? ROLLING_TIMEOUT_MS : LIFECYCLE_TIMEOUT_MS,
    },
    signal,
  );
  if (!reply.ok) return reply;
  terminal.write(json ? `${JSON.stringify(reply.value)}\n` : `${reply.value.slug}: ${reply.value.state}\n`);
  return ok();
}
