// The PATH for looking up a program whose working directory others can write to. A relative or empty entry would be
// looked up in that directory, so a repository could bring its own `git`.

import { delimiter, isAbsolute } from "node:path";

/** An empty PATH would mean the working directory. */
const DEFAULT = "/usr/bin:/bin";

export function absoluteEntries(path: string): string {
  return path.split(delimiter).filter(isAbsolute).join(delimiter) || DEFAULT;
}
