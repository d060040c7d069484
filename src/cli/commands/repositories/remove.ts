// `hydraflow remove <slug>`: stops the worker and forgets the repository; its files stay. With --json: {"slug"}.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import { slugArgument } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect, LIFECYCLE_TIMEOUT_MS } from "../../client/daemon-client.ts";
import type { CommandResult } from "../../print/failure.ts";
import { removeReplySchema } from "../../client/reply.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs
    .positional("slug", slugArgument)
    .option("force", { describe: "even while issues are being worked on", type: "boolean", default: false });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const path = `/api/repos/${options.slug}${options.force ? "?force=true" : ""}`;
  const reply = await client.value.call(
    { method: "DELETE", path, reply: removeReplySchema, timeoutMs: LIFECYCLE_TIMEOUT_MS },
    terminal.untilInterrupted(),
  );
  if (!reply.ok) return reply;
  terminal.write(
    options.json ? `${JSON.stringify(reply.value)}\n` : `${reply.value.slug}: removed; its files were kept\n`,
  );
  return ok();
}
