// `hydraflow explain <slug> <issue>`: where an issue stands and why it is not moving. With --json: {"issue","title",
// "url","stage","labels","state","pull","why":[...],"history":[{"at","text"}]} and what else the worker knows of it.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import { issueArgument, slugArgument } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect } from "../../client/daemon-client.ts";
import type { CommandResult } from "../../print/failure.ts";
import { plainText } from "../../print/plain-text.ts";
import { issueSchema } from "../../client/reply.ts";
import type { Terminal } from "../../print/terminal.ts";

const HISTORY_SHOWN_MAX = 20;

export function build(yargs: Argv<ClientOptions>) {
  return yargs.positional("slug", slugArgument).positional("issue", issueArgument);
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const path = `/api/repos/${options.slug}/worker/issues/${options.issue}`;
  const reply = await client.value.call({ path, reply: issueSchema }, terminal.untilInterrupted());
  if (!reply.ok) return reply;
  if (options.json) {
    terminal.write(`${JSON.stringify(reply.value)}\n`);
    return ok();
  }
  const { issue, title, url, stage, labels, state, pull, why, history } = reply.value;
  const lines = [
    `${options.slug} #${issue}  ${title}`,
    ...(typeof url === "string" ? [`url:     ${url}`] : []),
    `state:   ${state}`,
    `stage:   ${stage ?? "none"}`,
    `pull:    ${pull ?? "none"}`,
    `labels:  ${labels.length === 0 ? "none" : labels.join(", ")}`,
    ...why.map((reason) => `why:     ${reason}`),
    ...history.slice(-HISTORY_SHOWN_MAX).map((event) => `history: ${event.at} ${event.text}`),
  ];
  terminal.write(lines.map((line) => `${plainText(line)}\n`).join(""));
  return ok();
}
