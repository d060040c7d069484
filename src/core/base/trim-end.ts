// Takes given characters off the end of a text. The expression that does the same, `/x+$/`, begins anew at every `x` of a
// long run that something else ends, and so takes the square of its length.

/** The text without what it ends in of `characters`. */
export function withoutTrailing(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
