// `hydraflow logs [slug]`: the log of one worker, or the daemon's own. With --json: the records as they stand in the
// file, one JSON object a line.

import type { Argv } from "yargs";

import { slugOrAllArgument } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect } from "../../client/daemon-client.ts";
import type { CommandResult } from "../../print/failure.ts";
import { formatLogRecord } from "../../print/log-record.ts";
import type { Terminal } from "../../print/terminal.ts";

const TAIL_DEFAULT = 200;

export function build(yargs: Argv<ClientOptions>) {
  return yargs
    .positional("slug", { ...slugOrAllArgument, describe: "repository; the daemon's own log when left out" })
    .option("follow", { alias: "f", describe: "go on as the log grows", type: "boolean", default: false })
    .option("tail", {
      alias: "n",
      describe: "start with that many of the last lines",
      type: "string",
      default: `${TAIL_DEFAULT}`,
      requiresArg: true,
      coerce: readTail,
    });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const base = options.slug === undefined ? "/api/logs" : `/api/repos/${options.slug}/logs`;
  const path = `${base}?tail=${options.tail}${options.follow ? "&follow=1" : ""}`;
  const show = (line: string) => terminal.write(`${options.json ? line : formatLogRecord(line)}\n`);
  return client.value.readLines(path, show, terminal.untilInterrupted());
}

function readTail(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new Error(`--tail needs a number of lines, not '${text}'`);
}
