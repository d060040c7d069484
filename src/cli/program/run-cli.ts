// Leads from the words of a command line to an exit code. Nothing here ends the process: yargs' own wish to do so is
// turned off, its texts go through the terminal, and a wrong command line is one line that says what is wrong.

import yargs, { type Argv } from "yargs";

import { EXIT_CODES, type ExitCode } from "../../core/base/exit-code.ts";
import { ok } from "../../core/base/result.ts";
import type { CommandEntry, Invocation } from "../grammar/command-entry.ts";
import { COMMANDS } from "./command-table.ts";
import { completeSlugs, isCompletion, preloadCommands } from "./completion.ts";
import { type CommandResult, failWith } from "../print/failure.ts";
import { plainText } from "../print/plain-text.ts";
import type { Terminal } from "../print/terminal.ts";

const HELP_WIDTH_MAX = 110;
const USAGE = "hydraflow <command>";

/** Runs a command line; throws what a command throws. */
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
    const { parser, words } = await buildParser(args, invocation);
    await parser.parseAsync(words, {}, (error, _options, output) => {
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

/**
 * A command that stands first and in full is the only one that yargs hears of: hearing of all of them, and laying out
 * their help in case, takes longer than what most commands do.
 */
async function buildParser(
  args: readonly string[],
  invocation: Invocation,
): Promise<{ readonly parser: Argv; readonly words: string[] }> {
  const { path, entry } = findCommand(args);
  const words = args.slice(path.length);
  if (entry === undefined || entry.children.length > 0 || isForHelp(words)) {
    return { parser: buildFullParser(args, invocation), words: [...args] };
  }
  const parser = configure(yargs(words), invocation).scriptName(["hydraflow", ...path].join(" "));
  await entry.preload();
  entry.registerAlone(parser, invocation);
  return { parser, words };
}

function buildFullParser(args: readonly string[], invocation: Invocation): Argv {
  const parser = configure(yargs([...args]), invocation)
    .scriptName("hydraflow")
    .usage(`${USAGE}\n\nTurns labelled GitHub issues into merged pull requests, over many repositories.`)
    .recommendCommands()
    .demandCommand(1, "say what to do")
    .completion("completion", "Completion script for bash or zsh, after $SHELL");
  for (const entry of COMMANDS) entry.register(parser, invocation);
  return parser;
}

function configure(parser: Argv, { terminal }: Invocation): Argv {
  return parser
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
    .version(false)
    .exitProcess(false)
    .wrap(Math.min(terminal.columns, HELP_WIDTH_MAX))
    .help();
}

function isForHelp(words: readonly string[]): boolean {
  return words.includes("--help") || words.at(-1) === "help";
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
  return ["hydraflow", ...findCommand(args).path, "--help"].join(" ");
}

/** Finds the command that the first words name, as far as they name one. */
function findCommand(args: readonly string[]): {
  readonly path: readonly string[];
  readonly entry: CommandEntry | undefined;
} {
  const path: string[] = [];
  let entry: CommandEntry | undefined;
  for (const word of args) {
    const next = (entry?.children ?? COMMANDS).find(({ name }) => name === word);
    if (next === undefined) break;
    path.push(word);
    entry = next;
  }
  return { path, entry };
}
