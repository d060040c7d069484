// `hydraflow service uninstall`: stops the service and takes its file away. State and user are kept.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import type { CommandResult } from "../../print/failure.ts";
import { carryOut } from "../../service/carry-out.ts";
import { findService } from "../../service/find-service.ts";
import { dryRunOption, scopeOf, userOption } from "../../service/service-options.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv) {
  return yargs.option("user", userOption).option("dry-run", dryRunOption);
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const found = await findService(scopeOf(options), terminal);
  if (!found.ok) return found;
  const { plan, scope } = found.value;
  const done = await carryOut(plan.uninstall, { scope, isDryRun: options["dry-run"] }, terminal);
  if (!done.ok) return done;
  terminal.write(`kept: ${plan.kept}\n`);
  return ok();
}
