// `hydraflow version`: prints {"name","version","node"}, with and without --json.

import type { Argv } from "yargs";

import { ok } from "../../core/result.ts";
import { VERSION } from "../../core/version.ts";
import type { OptionsOf } from "../command.ts";
import type { CommandResult } from "../failure.ts";
import type { Terminal } from "../terminal.ts";

export function build(yargs: Argv) {
  return yargs.option("json", { describe: "as without it", type: "boolean", default: false });
}

export function run(_options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  terminal.write(`${JSON.stringify({ name: "hydraflow", version: VERSION, node: process.version })}\n`);
  return Promise.resolve(ok());
}
