// The state directory before anything is read from it: it exists, it is ours, and nobody else can look into it.

import { access, chmod, constants, realpath, stat } from "node:fs/promises";

import { ensurePrivateDirectory } from "../core/durable-file.ts";
import { errnoOf, messageOf, HydraError } from "../core/errors.ts";
import { EXIT_CODES } from "../core/exit-code.ts";
import { PRIVATE_DIRECTORY_MODE } from "../core/paths.ts";

const OTHERS_MASK = 0o077;

/** The real path. A directory of ours that others may read, as the first implementation made it, is closed to them.
 * Throws HOME_NOT_OURS or HOME_NOT_WRITABLE. */
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
  await access(home, constants.R_OK | constants.W_OK | constants.X_OK).catch((error: unknown) => {
    if (errnoOf(error) === "EACCES") throw notPermitted("it cannot be read and written", error);
    // A disk that is read-only now may be mended, so a service manager may come again.
    throw new HydraError("HOME_NOT_WRITABLE", `state directory ${path} cannot be written: ${errnoOf(error)}`, {
      cause: error,
    });
  });
  if ((mode & OTHERS_MASK) !== 0) await chmod(home, PRIVATE_DIRECTORY_MODE);
  return home;
}
