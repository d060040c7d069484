// `hydraflow version`: prints {"name","version","node"}, with and without --json.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import { VERSION } from "../../../core/base/version.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import type { CommandResult } from "../../print/failure.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv) {
  return yargs.option("json", { describe: "as without it", type: "boolean", default: false });
}

export function run(_options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  terminal.write(`${JSON.stringify({ name: "hydraflow", version: VERSION, node: process.version })}\n`);
  return Promise.resolve(ok());
}
