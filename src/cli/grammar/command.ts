// The shape of a command. Each lies in a file of its own that is loaded when the command is the one that was typed.

import type { Argv } from "yargs";

import type { CommandResult } from "../print/failure.ts";
import type { Terminal } from "../print/terminal.ts";

/** The options of every command that speaks to the daemon. */
export interface ClientOptions {
  readonly home: string | undefined;
  readonly url: string | undefined;
  readonly json: boolean;
}

export interface Command<Given, Options> {
  readonly build: (yargs: Argv<Given>) => Argv<Options>;
  readonly run: (options: Options, terminal: Terminal) => Promise<CommandResult>;
}

/** The options that a command's `run` receives, read off its `build`. */
export type OptionsOf<Build> = Build extends (yargs: never) => Argv<infer Options> ? Options : never;
