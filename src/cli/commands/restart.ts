// `hydraflow restart <slug>`: a new generation of the worker; also ends a quarantine. With --json: its RepoEntry.

import type { Argv } from "yargs";

import { slugArgument } from "../arguments.ts";
import type { ClientOptions, OptionsOf } from "../command.ts";
import type { CommandResult } from "../failure.ts";
import { changeLifecycle } from "../lifecycle.ts";
import type { Terminal } from "../terminal.ts";

export function build(yargs: Argv<ClientOptions>) {
  return yargs.positional("slug", slugArgument);
}

export function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  return changeLifecycle("restart", options, terminal);
}
