// Carries out a plan's steps one by one and says of each what it did. The first one that fails ends it: a second run
// takes up where this one ended.

import { ok } from "../../core/base/result.ts";
import { type CommandResult, failWith } from "../print/failure.ts";
import { plainText } from "../print/plain-text.ts";
import type { Terminal } from "../print/terminal.ts";
import type { FoundService } from "./find-service.ts";
import { describeStep, runStep, type Step } from "./service-steps.ts";

export async function carryOut(
  steps: readonly Step[],
  { scope, isDryRun }: { readonly scope: FoundService["scope"]; readonly isDryRun: boolean },
  terminal: Terminal,
): Promise<CommandResult> {
  if (!isDryRun && scope === "system" && terminal.host.getuid?.() !== 0) {
    return failWith("notPermitted", "a system service needs root: run this with sudo, or use --user");
  }
  for (const step of steps) {
    const description = plainText(describeStep(step));
    if (isDryRun) {
      terminal.write(`would do: ${description}\n`);
      continue;
    }
    const done = await runStep(step);
    if (!done.ok) return done;
    terminal.write(`${done.value ? "done" : "as it was"}: ${description}\n`);
  }
  return ok();
}
