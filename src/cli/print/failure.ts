// The failure of a command: one line for the operator, and which exit code of core/base/exit-code.ts ends the process.

import { errnoOf, HydraError, messageOf } from "../../core/base/errors.ts";
import { EXIT_CODES, type ExitCode, type ExitName } from "../../core/base/exit-code.ts";
import { fail, type Result } from "../../core/base/result.ts";
import { plainText } from "./plain-text.ts";

export interface CliFailure {
  readonly exit: Exclude<ExitName, "ok">;
  /** One line that says what to do. */
  readonly message: string;
}

export type CommandResult = Result<undefined, CliFailure>;

export function failWith(exit: CliFailure["exit"], message: string): Result<never, CliFailure> {
  return fail({ exit, message });
}

/** Turns anything thrown into a line and an exit code: only a failed start or a bug gets here. */
export function describeThrown(thrown: unknown): { readonly line: string; readonly exitCode: ExitCode } {
  if (thrown instanceof HydraError) return { line: plainText(thrown.message), exitCode: thrown.exitCode };
  const exit = errnoOf(thrown) === "EACCES" || errnoOf(thrown) === "EPERM" ? "notPermitted" : "failure";
  return { line: plainText(messageOf(thrown)), exitCode: EXIT_CODES[exit].code };
}
