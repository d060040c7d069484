// `hydraflow worker <path>`: this process becomes the worker of one checkout, without a supervisor.

import { resolve } from "node:path";
import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import { readRepositoryName, readSlug } from "../../grammar/arguments.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import type { CommandResult } from "../../print/failure.ts";
import { addSettingFlags, readSettingFlags } from "../../grammar/setting-flags.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv) {
  return addSettingFlags(
    yargs
      .positional("path", { describe: "directory of a checkout", type: "string", demandOption: true })
      .option("home", {
        describe: "directory for its data [$HYDRAFLOW_HOME, else ~/.hydraflow]",
        type: "string",
        requiresArg: true,
      })
      .option("slug", {
        describe: "its slug, where it should not follow from the name",
        type: "string",
        requiresArg: true,
        coerce: readSlug,
      })
      .option("repo-slug", {
        describe: "owner/name, where the origin remote does not say it",
        type: "string",
        requiresArg: true,
        coerce: readRepositoryName,
      }),
  );
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const { runWorker } = await import("../../../worker/main.ts");
  const { home, slug, "repo-slug": repoSlug } = options;
  const given = Object.fromEntries(Object.entries({ home, slug, repoSlug }).filter(([, value]) => value !== undefined));
  const path = resolve(terminal.directory, options.path);
  await runWorker({ path, ...given, commandLine: readSettingFlags({ ...options }) }, terminal.host);
  return ok();
}
