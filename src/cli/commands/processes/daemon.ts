// `hydraflow daemon`: this process becomes the supervisor. It says what it does in its log, and sets the exit code.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import type { CommandResult } from "../../print/failure.ts";
import { addSettingFlags, readSettingFlags } from "../../grammar/setting-flags.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv) {
  return addSettingFlags(
    yargs.option("home", {
      describe: "state directory [$HYDRAFLOW_HOME, else ~/.hydraflow]",
      type: "string",
      requiresArg: true,
    }),
  );
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const { runDaemon } = await import("../../../daemon/main.ts");
  const home = options.home === undefined ? {} : { home: options.home };
  await runDaemon({ ...home, commandLine: readSettingFlags({ ...options }) }, terminal.host);
  return ok();
}
