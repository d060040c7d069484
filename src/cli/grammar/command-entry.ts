// Makes a command known to yargs without loading it: name and description stand here, the file behind them is imported
// when its options are needed.

import type { Argv } from "yargs";

import type { ClientOptions, Command } from "./command.ts";
import type { CommandResult } from "../print/failure.ts";
import type { Terminal } from "../print/terminal.ts";

/** A run of the program gets the terminal, and gives the chosen command's result. */
export interface Invocation {
  readonly terminal: Terminal;
  result: CommandResult | undefined;
}

export interface CommandEntry {
  readonly name: string;
  /** The commands below a group. */
  readonly children: readonly CommandEntry[];
  register(yargs: Argv, invocation: Invocation): void;
  /** Registers the command as the one thing that the program can do, without the words before its arguments; a group
   * has none. */
  registerAlone(yargs: Argv, invocation: Invocation): void;
  /** Loads the file ahead of `register`, whose options are then known at once; yargs completes no others. */
  preload(): Promise<void>;
}

/** A command that speaks to a daemon. */
export function clientCommand<Options>(
  usage: string,
  description: string,
  load: () => Promise<Command<ClientOptions, Options>>,
): CommandEntry {
  return entryOf(usage, description, async () => {
    const { build, run } = await load();
    return { build: (yargs: Argv) => build(addClientOptions(yargs)), run };
  });
}

/** A command that needs no daemon. */
export function ownCommand<Options>(
  usage: string,
  description: string,
  load: () => Promise<Command<unknown, Options>>,
): CommandEntry {
  return entryOf(usage, description, load);
}

export function commandGroup(name: string, description: string, children: readonly CommandEntry[]): CommandEntry {
  return {
    name,
    children,
    register: (yargs, invocation) => {
      yargs.command(`${name} <command>`, description, (group) => {
        for (const child of children) child.register(group, invocation);
        return group.demandCommand(1);
      });
    },
    registerAlone: () => undefined,
    preload: () => Promise.resolve(),
  };
}

function entryOf<Options>(
  usage: string,
  description: string,
  load: () => Promise<Command<unknown, Options>>,
): CommandEntry {
  let loaded: Command<unknown, Options> | undefined;
  const register = (given: string, yargs: Argv, invocation: Invocation): void => {
    yargs.command(
      given,
      description,
      (own) => (loaded === undefined ? load().then(({ build }) => build(own).strict()) : loaded.build(own).strict()),
      async (options) => {
        const { run } = await load();
        invocation.result = await run(options as Options, invocation.terminal);
      },
    );
  };
  const [name = usage, ...parameters] = usage.split(" ");
  return {
    name,
    children: [],
    register: (yargs, invocation) => register(usage, yargs, invocation),
    registerAlone: (yargs, invocation) => register(["$0", ...parameters].join(" "), yargs, invocation),
    preload: async () => {
      loaded = await load();
    },
  };
}

function addClientOptions(yargs: Argv): Argv<ClientOptions> {
  return yargs
    .option("home", {
      describe: "the daemon's state directory [$HYDRAFLOW_HOME, else ~/.hydraflow]",
      type: "string",
      requiresArg: true,
    })
    .option("url", {
      describe: "the daemon's address [$HYDRAFLOW_URL, else read from the state directory]",
      type: "string",
      requiresArg: true,
    })
    .option("json", { describe: "print JSON", type: "boolean", default: false });
}
