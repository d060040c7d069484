// Reads what a person's comment orders, when it orders anything. A command is one word and the whole comment: a word
// that is quoted, that stands in a sentence or that is followed by a condition is talk, and talk is given to an agent.
// Pure.

export type PersonCommand = "approve" | "skip" | "close";

const WORDS: Readonly<Record<string, PersonCommand>> = {
  approve: "approve",
  approved: "approve",
  skip: "skip",
  close: "close",
};
/** A comment over this length is no command, whatever stands in it. */
const COMMAND_CHARACTERS_MAX = 1_000;

/** Returns null for talk. */
export function commandOf(comment: string): PersonCommand | null {
  if (comment.length > COMMAND_CHARACTERS_MAX) return null;
  const own = comment
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith(">"))
    .join("\n")
    .trim();
  const word = own.replace(/[.!]$/, "").toLowerCase();
  return Object.hasOwn(WORDS, word) ? (WORDS[word] ?? null) : null;
}
