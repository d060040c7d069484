// `hydraflow service status`: says whether the service is installed, as this installation would write it, and whether
// it runs. The exit code is 69 when it does not. With --json: {"file","installed","current","active"}.

import type { Argv } from "yargs";

import { readTextIfExists } from "../../../core/files/durable-file.ts";
import { ok } from "../../../core/base/result.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import { type CommandResult, failWith } from "../../print/failure.ts";
import { findService } from "../../service/find-service.ts";
import { scopeOf, userOption } from "../../service/service-options.ts";
import { runCommand } from "../../service/service-steps.ts";
import type { Terminal } from "../../print/terminal.ts";

const FILE_BYTES_MAX = 1_048_576;

export function build(yargs: Argv) {
  return yargs.option("user", userOption).option("json", { describe: "print JSON", type: "boolean", default: false });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const found = await findService(scopeOf(options), terminal);
  if (!found.ok) return found;
  const { file, content, isActive, next } = found.value.plan;
  const text = await readTextIfExists(file, FILE_BYTES_MAX);
  const { code } = await runCommand(isActive);
  const status = { file, installed: text !== undefined, current: text === content, active: code === 0 };
  terminal.write(options.json ? `${JSON.stringify(status)}\n` : describe(status));
  if (status.active) return ok();
  const how = status.installed ? next[0] : `hydraflow service install${options.user ? " --user" : ""}`;
  return failWith("noDaemon", `the service does not run; next: ${how}`);
}

function describe(status: { file: string; installed: boolean; current: boolean; active: boolean }): string {
  const file = status.current ? "as this version writes it" : status.installed ? "written otherwise" : "not there";
  return `${status.file}: ${file}\nservice: ${status.active ? "active" : "not active"}\n`;
}
