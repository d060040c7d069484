// `hydraflow start <slug>`: starts the worker of a repository and lifts the operator's stop. With --json: its
// RepoEntry.

import type { Argv } from "yargs";

import { slugArgument } from "../../grammar/arguments.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import type { CommandResult } from "../../print/failure.ts";
import { changeLifecycle } from "../../client/lifecycle.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs.positional("slug", slugArgument);
}

export function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  return changeLifecycle("start", options, terminal);
}
