// `hydraflow demo`: a forge, a daemon and demo agents, all on this machine, so that anyone sees issues become merged
// pull requests in a minute, without an account.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import type { CommandResult } from "../../print/failure.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv) {
  return yargs
    .option("once", { describe: "end when every issue has come to its end", type: "boolean", default: false })
    .option("json", { describe: "close with one line of JSON", type: "boolean", default: false })
    .option("chaos", { describe: "kill processes at random while it works", type: "boolean", default: false })
    .option("keep", { describe: "keep the files", type: "boolean", default: false });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const { runDemo } = await import("../../../demo/main.ts");
  const { once, json, chaos, keep } = options;
  await runDemo({ once, json, chaos, keep }, terminal.host);
  return ok();
}
