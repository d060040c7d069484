// From the words of a command line to an exit code. Nothing here ends the process: yargs' own wish to do so is turned
// off, its texts go through the terminal, and a wrong command line is one line that says what is wrong.

import yargs, { type Argv } from "yargs";

import { EXIT_CODES, type ExitCode } from "../core/exit-code.ts";
import { ok } from "../core/result.ts";
import type { Invocation } from "./command-entry.ts";
import { COMMANDS } from "./command-table.ts";
import { completeSlugs, isCompletion, preloadCommands } from "./completion.ts";
import { type CommandResult, failWith } from "./failure.ts";
import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

const HELP_WIDTH_MAX = 110;
const USAGE = "hydraflow <command>";

/** Throws what a command throws. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  if (isCompletion(args)) return complete(args, terminal);
  const result = await parse(args, { terminal, result: undefined });
  if (result.ok) return EXIT_CODES.ok.code;
  terminal.warn(`hydraflow: ${result.failure.message}`);
  return EXIT_CODES[result.failure.exit].code;
}

/** Words that are still being typed are no usage error, so what yargs thinks of them is left unsaid. */
async function complete(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  await preloadCommands(args, COMMANDS);
  await parse(args, { terminal, result: undefined });
  const slugs = await completeSlugs(args, terminal.environment);
  terminal.write(slugs.map((slug) => `${slug}\n`).join(""));
  return EXIT_CODES.ok.code;
}

async function parse(args: readonly string[], invocation: Invocation): Promise<CommandResult> {
  let printed = "";
  let refusal: Error | undefined;
  try {
    await buildParser(args, invocation).parseAsync([...args], {}, (error, _options, output) => {
      refusal = error ?? undefined;
      printed = output || printed;
    });
  } catch (error) {
    if (!isUsageError(error)) throw error;
    refusal = error;
  }
  if (refusal !== undefined) return usageFailure(refusal.message, args, printed);
  if (printed !== "") invocation.terminal.write(`${printed}\n`);
  return invocation.result ?? (printed === "" ? usageFailure(`unknown command: ${args.join(" ")}`, [], "") : ok());
}

function buildParser(args: readonly string[], invocation: Invocation): Argv {
  const { terminal } = invocation;
  const parser = yargs([...args])
    .scriptName("hydraflow")
    .usage(`${USAGE}\n\nTurns labelled GitHub issues into merged pull requests, over many repositories.`)
    .locale("en")
    .updateStrings({
      ...inAnyNumber("Unknown argument: %s", "unknown: %s"),
      ...inAnyNumber("Not enough non-option arguments: got %s, need at least %s", "arguments given: %s, needed: %s"),
      "Not enough arguments following: %s": "a value is missing after --%s",
      ...inAnyNumber("Missing required argument: %s", "missing: %s"),
      "Did you mean %s?": "unknown command; did you mean '%s'?",
    })
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "duplicate-arguments-array": false,
      "parse-positional-numbers": false,
    })
    .strictOptions()
    .recommendCommands()
    .demandCommand(1, "say what to do")
    .version(false)
    .exitProcess(false)
    .wrap(Math.min(terminal.columns, HELP_WIDTH_MAX))
    .help()
    .completion("completion", "Completion script for bash or zsh, after $SHELL");
  for (const entry of COMMANDS) entry.register(parser, invocation);
  return parser;
}

/** yargs words some texts by number; its types know of plain strings alone. */
function inAnyNumber(key: string, text: string): Record<string, string> {
  return { [key]: { one: text, other: text } as unknown as string };
}

function isUsageError(error: unknown): error is Error {
  return error instanceof Error && error.name === "YError";
}

/** `help` opens with the usage line of the command that was meant, where yargs got that far. */
function usageFailure(message: string, args: readonly string[], help: string): CommandResult {
  const usage = /^hydraflow [^\n]+/.exec(help)?.[0];
  const hint = usage === undefined || usage === USAGE ? `see: ${helpOf(args)}` : `usage: ${usage}`;
  return failWith("usage", plainText(`${message}; ${hint}`));
}

function helpOf(args: readonly string[]): string {
  const path: string[] = [];
  let level = COMMANDS;
  for (const word of args) {
    const entry = level.find(({ name }) => name === word);
    if (entry === undefined) break;
    path.push(entry.name);
    level = entry.children;
  }
  return ["hydraflow", ...path, "--help"].join(" ");
}
