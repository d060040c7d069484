// Text from elsewhere (issue titles, notices, problem details) made safe to print: no escape sequences, no control
// characters, nothing that changes the reading direction of what follows.

import { stripVTControlCharacters } from "node:util";

const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;

/** Makes the text one line. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replace(UNPRINTABLE, " ").trim();
}
