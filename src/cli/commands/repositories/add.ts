// `hydraflow add <path | owner/name | clone URL>`: registers a repository and starts its worker. With --json: AddReply,
// {"slug","port","dashboard_url","log_file","started"}.

import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Argv } from "yargs";

import { parseRepositoryName } from "../../../core/domain/repository-name.ts";
import { ok } from "../../../core/base/result.ts";
import type { AddRequest } from "../../../core/messages/supervisor-control.ts";
import { readRepositoryName } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { ADD_TIMEOUT_MS, connect } from "../../client/daemon-client.ts";
import type { CommandResult } from "../../print/failure.ts";
import { addReplySchema } from "../../client/reply.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs
    .positional("target", {
      describe: "directory of a checkout, or owner/name or a clone URL of a repository to clone",
      type: "string",
      demandOption: true,
    })
    .option("repo-slug", {
      describe: "owner/name, where the origin remote does not say it",
      type: "string",
      requiresArg: true,
      coerce: readRepositoryName,
    });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const body = {
    ...(await targetOf(options.target, terminal.directory)),
    repo_slug: options["repo-slug"],
  } satisfies AddRequest;
  const reply = await client.value.call(
    { method: "POST", path: "/api/repos", body, reply: addReplySchema, timeoutMs: ADD_TIMEOUT_MS },
    terminal.untilInterrupted(),
  );
  if (!reply.ok) return reply;
  const { slug, started, dashboard_url: dashboardUrl } = reply.value;
  const line = `${slug}: ${started ? "added and started" : "was running already"}; ${dashboardUrl}\n`;
  terminal.write(options.json ? `${JSON.stringify(reply.value)}\n` : line);
  return ok();
}

/** A directory that exists wins; text that looks like a path is one, so that a mistyped path is not cloned. */
async function targetOf(target: string, directory: string): Promise<AddRequest> {
  const path = resolve(directory, target);
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const looksRemote = parseRepositoryName(target).ok || /^[a-z+]+:\/\//i.test(target) || /^[^/@]+@[^/]+:/.test(target);
  return isDirectory || !looksRemote ? { path } : { repo: target };
}
