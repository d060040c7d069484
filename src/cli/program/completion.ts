// Shell completion. The script that `hydraflow completion` prints calls the program with the words so far; yargs knows
// the commands and options, and the slugs come from the state directory.

import type { CommandEntry } from "../grammar/command-entry.ts";
import { homeOf, readKnownSlugs } from "../client/daemon-address.ts";
import type { Terminal } from "../print/terminal.ts";

/** yargs' script says this before the program's name and the words. */
const COMPLETION_FLAG = "--get-yargs-completions";
const WORDS_START = 2;
const COMMANDS_WITH_SLUG = new Set(["remove", "status", "start", "stop", "restart", "logs", "explain", "hitl"]);

export function isCompletion(args: readonly string[]): boolean {
  return args[0] === COMPLETION_FLAG;
}

/** Loads the commands among the words to complete, group first. */
export async function preloadCommands(args: readonly string[], commands: readonly CommandEntry[]): Promise<void> {
  let level = commands;
  for (const word of args.slice(WORDS_START)) {
    const entry = level.find(({ name }) => name === word);
    if (entry === undefined) return;
    await entry.preload();
    level = entry.children;
  }
}

/** Completes what yargs cannot know: slugs, and nothing where none is due. */
export async function completeSlugs(args: readonly string[], environment: Terminal["environment"]): Promise<string[]> {
  const isDue = COMMANDS_WITH_SLUG.has(args[WORDS_START] ?? "") && args.length > WORDS_START + 1;
  if (!isDue || args.at(-1)?.startsWith("-")) return [];
  return readKnownSlugs(homeOf(undefined, environment));
}
