// What a command knows of the process it runs in. main.ts makes the real one.

export interface Terminal {
  /** Somebody reads along: stdout is a terminal. */
  readonly isInteractive: boolean;
  /** Columns of that terminal. */
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Relative paths on the command line start here. */
  readonly directory: string;
  /** To hand on to a command that becomes a process of its own: daemon, worker, forge, demo. */
  readonly host: NodeJS.Process;
  write(text: string): void;
  warn(line: string): void;
  /** All of stdin. */
  readInput(): Promise<string>;
  /** Aborted by the first SIGINT or SIGTERM; a second one ends the process. */
  untilInterrupted(): AbortSignal;
}
