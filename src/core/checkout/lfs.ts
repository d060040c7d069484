// Finds out whether the machine has Git LFS, and whether a checkout asks for it. The program is looked up on our own
// PATH and called by its absolute path; what a repository's configuration calls a filter is never run.

import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

import { nothingUnlessShort } from "./git-directory.ts";
import { readSmallFile } from "./small-file.ts";

const ATTRIBUTES_BYTES_MAX = 1_048_576;
const FILTER = "filter=lfs";

/** Resolves with an absolute path; null when the machine has no Git LFS. */
export async function findGitLfs(path: string): Promise<string | null> {
  for (const directory of path.split(delimiter).filter(isAbsolute)) {
    const program = join(directory, "git-lfs");
    const isThere = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return program;
  }
  return null;
}

export function lfsMissing(what: string): string {
  return `${what} keeps files with Git LFS, and git-lfs is not on the PATH of HydraFlow; install it`;
}

/** Looks at the attributes in the top directory alone; a worker looks at all of them. */
export async function lfsProblem(checkout: string, path: string): Promise<string | null> {
  const text = await readSmallFile(join(checkout, ".gitattributes"), ATTRIBUTES_BYTES_MAX).catch(nothingUnlessShort);
  if (text === undefined || !text.includes(FILTER) || (await findGitLfs(path)) !== null) return null;
  return lfsMissing(checkout);
}
