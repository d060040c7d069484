// An expression of bad form cannot take these texts: they are made of its own parts, and of what people, agents and
// files are known to hold. Each ends in something that no loop of the expression expects.

const END = "\u0000";
const LOOPS_MAX = 8;

/**
 * `parts` has one character for each place of the expression at which it reads one; `loops` has the places that may
 * repeat.
 */
export function hostileTexts(parts: readonly string[], loops: readonly number[], unitsMax: number): string[] {
  const whole = parts.join("");
  const half = parts.slice(0, Math.ceil(parts.length / 2)).join("");
  const distinct = [...new Set(parts)];
  const own = [0, 1, 2, 3, 4].map((index) => distinct[index % Math.max(1, distinct.length)] ?? "a");
  const words = [
    ...own,
    whole,
    whole.slice(0, -1),
    half,
    whole.slice(0, -2),
    // A loop meets what it has read so far again and again: a search begun at each has all the others to go through.
    ...loops.slice(-LOOPS_MAX).map((at) => parts.slice(0, at + 1).join("")),
    `${half} `,
    `${own[0]}${own.at(-1)}`,
    " ",
    "\n",
    "\r\n\t",
    "<!-- hydraflow:",
    "[`",
    "0123456789.:/-",
    "a\u0301\u{1f469}\u200d\ud800\u202e水",
  ];
  const texts = words.map((word) => filled(word === "" ? "a" : word, unitsMax - 1) + END);
  return [...texts, `${whole}${filled(own.at(-1) ?? "a", unitsMax)}`.slice(0, unitsMax - 1) + END].map(flat);
}

/**
 * Makes the text one piece, as a text from outside is, where a repeated one is a tree of strings until it is first
 * read.
 */
function flat(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}

function filled(word: string, units: number): string {
  return word.repeat(Math.ceil(units / word.length)).slice(0, units);
}
