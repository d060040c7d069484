// Finds out whether a checkout keeps files encrypted with git-crypt or transcrypt. Their filters turn files into plain
// text and back; without them, or in a repository that is locked, a new file would be committed and pushed as plain
// text, and with them an agent and a gate would read what the repository hides. So nothing is done there.

import { lstat } from "node:fs/promises";
import { join } from "node:path";

import { nothingUnlessShort } from "./git-directory.ts";
import { readSmallFile } from "./small-file.ts";

const ATTRIBUTES_BYTES_MAX = 1_048_576;
/** A key with a name has a filter of its own, `git-crypt-<name>`; so has a context of transcrypt. */
const FILTER = /\bfilter=(git-crypt|crypt)(?![a-z0-9])/;

/** Returns the program's name; null when nothing shows that one is in use. */
export async function encryptionOf(
  checkout: string,
  commonDirectory: string,
): Promise<"git-crypt" | "transcrypt" | null> {
  for (const file of [join(checkout, ".gitattributes"), join(commonDirectory, "info", "attributes")]) {
    const text = await readSmallFile(file, ATTRIBUTES_BYTES_MAX).catch(nothingUnlessShort);
    const [, filter] = FILTER.exec(text ?? "") ?? [];
    if (filter !== undefined) return filter === "crypt" ? "transcrypt" : "git-crypt";
  }
  // Attributes may stand in any directory. The keys of a repository that is unlocked, or shared by GPG, stand here.
  for (const place of [join(commonDirectory, "git-crypt"), join(checkout, ".git-crypt")])
    if ((await lstat(place).catch(nothingUnlessShort)) !== undefined) return "git-crypt";
  return null;
}
