// `hydraflow forge`: this process becomes the embedded GitHub-compatible forge.

import { resolve } from "node:path";
import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import { readPort } from "../../grammar/arguments.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import type { CommandResult } from "../../print/failure.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv) {
  return yargs
    .option("port", {
      describe: "0 for any free one",
      type: "string",
      requiresArg: true,
      demandOption: true,
      coerce: readPort,
    })
    .option("data", {
      describe: "directory for its repositories",
      type: "string",
      requiresArg: true,
      demandOption: true,
    })
    .option("ci", { describe: "shell command that checks every pull request", type: "string", requiresArg: true });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const { runForge } = await import("../../../forge/main.ts");
  const data = resolve(terminal.directory, options.data);
  await runForge({ port: options.port, data, ci: options.ci }, terminal.host);
  return ok();
}
