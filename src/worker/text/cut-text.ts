// Cuts texts between the characters that people see: neither a surrogate pair, nor an accent, nor an emoji of many
// parts is ever cut through. Lengths are UTF-16 units, of which GitHub counts at most as many as we do.

const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
/** The border is looked for this far around a cut; a longer "character" is made up and is cut through. */
const WINDOW_UNITS = 128;

export function headOf(text: string, unitsMax: number): string {
  return text.length <= unitsMax ? text : text.slice(0, borderAround(text, unitsMax).before);
}

export function tailOf(text: string, unitsMax: number): string {
  return text.length <= unitsMax ? text : text.slice(borderAround(text, text.length - unitsMax).after);
}

/**
 * Returns at most this many characters as people count them, and at most `unitsMax` units; the last is … where
 * something is cut.
 */
export function shortenedTo(text: string, charactersMax: number, unitsMax: number): string {
  const kept: string[] = [];
  const bounded = headOf(text, unitsMax);
  for (const { segment } of segmenter.segment(bounded)) {
    if (kept.length === charactersMax) return `${kept.slice(0, -1).join("").trimEnd()}…`;
    kept.push(segment);
  }
  return bounded.length === text.length ? text : `${kept.slice(0, -1).join("").trimEnd()}…`;
}

/** Finds the borders next to `at` on both sides; both are `at` where it is one. */
function borderAround(text: string, at: number): { before: number; after: number } {
  const from = startOfPair(text, Math.max(0, at - WINDOW_UNITS));
  const part = text.slice(from, at + WINDOW_UNITS);
  const found = segmenter.segment(part).containing(at - from);
  if (found === undefined) return { before: at, after: at };
  const before = from + found.index;
  if (before === from && from > 0) return { before: startOfPair(text, at), after: startOfPair(text, at) };
  return { before, after: before === at ? at : before + found.segment.length };
}

function startOfPair(text: string, at: number): number {
  return at > 0 && /[\udc00-\udfff]/.test(text.charAt(at)) && /[\ud800-\udbff]/.test(text.charAt(at - 1)) ? at - 1 : at;
}
