// Takes given characters off the end of a text. The expression `/x+$/` does the same, but begins anew at every `x` of a
// long run that something else ends, and so takes the square of its length.

/** Returns the text without those of `characters` that it ends in. */
export function withoutTrailing(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
