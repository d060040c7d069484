// `hydraflow service print`: the unit or plist as `install` would write it, and nothing else.

import type { Argv } from "yargs";

import { ok } from "../../core/result.ts";
import type { OptionsOf } from "../command.ts";
import type { CommandResult } from "../failure.ts";
import { findService } from "../service/find-service.ts";
import { scopeOf, userOption } from "../service/service-options.ts";
import type { Terminal } from "../terminal.ts";

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
