// The commands start and stop, which differ in one word of the request.

import { ok } from "../../core/base/result.ts";
import type { ClientOptions } from "../grammar/command.ts";
import { connect, LIFECYCLE_TIMEOUT_MS } from "./daemon-client.ts";
import type { CommandResult } from "../print/failure.ts";
import { repoEntrySchema } from "./reply.ts";
import type { Terminal } from "../print/terminal.ts";

export async function changeLifecycle(
  verb: "start" | "stop",
  options: ClientOptions & { readonly slug: string },
  terminal: Terminal,
): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const reply = await client.value.call(
    {
      method: "POST",
      path: `/api/repos/${options.slug}/${verb}`,
      reply: repoEntrySchema,
      timeoutMs: LIFECYCLE_TIMEOUT_MS,
    },
    terminal.untilInterrupted(),
  );
  if (!reply.ok) return reply;
  terminal.write(options.json ? `${JSON.stringify(reply.value)}\n` : `${reply.value.slug}: ${reply.value.state}\n`);
  return ok();
}
