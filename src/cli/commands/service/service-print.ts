// `hydraflow service print`: the unit or plist as `install` would write it, and nothing else.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import type { CommandResult } from "../../print/failure.ts";
import { findService } from "../../service/find-service.ts";
import { scopeOf, userOption } from "../../service/service-options.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv) {
  return yargs.option("user", userOption);
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const found = await findService(scopeOf(options), terminal);
  if (!found.ok) return found;
  terminal.write(found.value.plan.content);
  if (found.value.obstacle !== undefined) terminal.warn(`hydraflow: ${found.value.obstacle}`);
  return ok();
}
