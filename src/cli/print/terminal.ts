// The part of its process that a command knows. main.ts makes the real one.

export interface Terminal {
  /** True when somebody reads along: stdout is a terminal. */
  readonly isInteractive: boolean;
  /** The columns of that terminal. */
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Relative paths on the command line start here. */
  readonly directory: string;
  /** A command that becomes a process of its own gets this: daemon, worker, forge, demo. */
  readonly host: NodeJS.Process;
  write(text: string): void;
  warn(line: string): void;
  /** Resolves with all of stdin. */
  readInput(): Promise<string>;
  /** The signal is aborted by the first SIGINT or SIGTERM; a second one ends the process. */
  untilInterrupted(): AbortSignal;
}
