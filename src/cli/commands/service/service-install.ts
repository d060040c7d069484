// `hydraflow service install`: user, directories, token and the unit or plist, as far as they are not there. It starts
// nothing, so that a GitHub token can be put in place first.

import type { Argv } from "yargs";

import { ok } from "../../../core/base/result.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import { type CommandResult, failWith } from "../../print/failure.ts";
import { carryOut } from "../../service/carry-out.ts";
import { findService } from "../../service/find-service.ts";
import { runCommand } from "../../service/service-steps.ts";
import { dryRunOption, scopeOf, userOption } from "../../service/service-options.ts";
import type { Terminal } from "../../print/terminal.ts";

export function build(yargs: Argv) {
  return yargs.option("user", userOption).option("dry-run", dryRunOption);
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const found = await findService(scopeOf(options), terminal);
  if (!found.ok) return found;
  const { plan, scope, notes, obstacle } = found.value;
  if (obstacle !== undefined) return failWith("failure", obstacle);
  const isDryRun = options["dry-run"];
  const done = await carryOut(plan.install, { scope, isDryRun }, terminal);
  if (!done.ok) return done;
  for (const note of notes) terminal.write(`note: ${note}\n`);
  // A service that runs already finishes first what it has in flight; a start has nothing to wait for.
  const isActive = !isDryRun && (await runCommand(plan.isActive)).code === 0;
  if (isActive) terminal.write(`next: ${plan.drain}\n`);
  for (const next of plan.next) terminal.write(`next: ${next}\n`);
  return ok();
}
