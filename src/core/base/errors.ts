// Thrown errors carry a stable code, what to do about it, and their cause.

import type { ExitCode } from "./exit-code.ts";

export class HydraError extends Error {
  /** The code is upper-case and stays, whatever the message says. */
  readonly code: string;
  /** The exit code of a process that dies of this error. */
  readonly exitCode: ExitCode;

  constructor(code: string, message: string, options: { cause?: unknown; exitCode?: ExitCode } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
  }
}

export function assertNever(value: never): never {
  throw new HydraError("INVARIANT", `unexpected variant: ${JSON.stringify(value)}`);
}

/** The text of anything that was thrown, without a stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a Node system error (`ENOENT`, `EADDRINUSE`, …), if it has one. */
export function errnoOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}
