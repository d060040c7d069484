// The state directory before anything is read from it: it exists, it is ours, and nobody else can look into it.

import { chmod, realpath, stat } from "node:fs/promises";

import { ensurePrivateDirectory } from "../core/durable-file.ts";
import { messageOf, HydraError } from "../core/errors.ts";
import { EXIT_CODES } from "../core/exit-code.ts";
import { PRIVATE_DIRECTORY_MODE } from "../core/paths.ts";

const OTHERS_MASK = 0o077;

/** The real path. A directory of ours that others may read, as the first implementation made it, is closed to them.
 * Throws HOME_NOT_OURS. */
export async function openStateDirectory(path: string): Promise<string> {
  const notPermitted = (why: string, cause?: unknown): HydraError =>
    new HydraError("HOME_NOT_OURS", `state directory ${path}: ${why}`, {
      cause,
      exitCode: EXIT_CODES.notPermitted.code,
    });
  try {
    await ensurePrivateDirectory(path);
  } catch (error) {
    throw notPermitted(messageOf(error), error);
  }
  const home = await realpath(path);
  const { uid, mode } = await stat(home);
  if (uid !== process.geteuid?.())
    throw notPermitted("it belongs to another user; give --home or HYDRAFLOW_HOME a directory of your own");
  if ((mode & OTHERS_MASK) !== 0) await chmod(home, PRIVATE_DIRECTORY_MODE);
  return home;
}
