// `hydraflow daemon`: this process becomes the supervisor. It says what it does in its log, and sets the exit code.

import type { Argv } from "yargs";

import { ok } from "../../core/result.ts";
import type { OptionsOf } from "../command.ts";
import type { CommandResult } from "../failure.ts";
import { addSettingFlags, readSettingFlags } from "../setting-flags.ts";
import type { Terminal } from "../terminal.ts";

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
  const { runDaemon } = await import("../../daemon/main.ts");
  const home = options.home === undefined ? {} : { home: options.home };
  await runDaemon({ ...home, commandLine: readSettingFlags({ ...options }) }, terminal.host);
  return ok();
}
