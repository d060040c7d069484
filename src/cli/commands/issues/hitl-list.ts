// `hydraflow hitl list [slug]`: the questions that wait for a person. With --json: {"items":[{"repo","issue","title",
// "stage","question","askedAt","url"}],"errors":[{"repo","code","message"}]}. A repository that could not be asked
// stands in `errors` and makes the command fail, since the list is then not whole.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import { slugOrAllArgument } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect } from "../../client/daemon-client.ts";
import { type CommandResult, failWith } from "../../print/failure.ts";
import { hitlPageSchema } from "../../client/reply.ts";
import { formatTable } from "../../print/table.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs.positional("slug", slugOrAllArgument);
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const path = options.slug === undefined ? "/api/hitl" : `/api/hitl?repo=${options.slug}`;
  const reply = await client.value.call({ path, reply: hitlPageSchema }, terminal.untilInterrupted());
  if (!reply.ok) return reply;
  const { items, errors } = reply.value;
  if (options.json) terminal.write(`${JSON.stringify(reply.value)}\n`);
  else if (items.length > 0)
    terminal.write(formatTable(["REPO", "ISSUE", "STAGE", "ASKED", "QUESTION"], items.map(rowOf), terminal));
  else if (errors.length === 0) terminal.write("Nothing waits for an answer.\n");
  if (errors.length === 0) return ok();
  return failWith("failure", `not asked: ${errors.map(({ repo, message }) => `${repo} (${message})`).join(", ")}`);
}

function rowOf(item: (typeof hitlPageSchema)["_zod"]["output"]["items"][number]): string[] {
  return [item.repo, `${item.issue}`, item.stage ?? "-", item.askedAt ?? "-", item.question ?? item.title];
}
