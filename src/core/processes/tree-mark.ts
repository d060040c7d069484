// Makes the value that marks every process of one state directory. It is the same for each of its daemons, so that the
// next one finds what the last one left.

import { createHash } from "node:crypto";

/** Takes `home` as supervisorPaths gives it. */
export function treeMarkOf(home: string): string {
  return createHash("sha256").update(home).digest("hex").slice(0, 32);
}
