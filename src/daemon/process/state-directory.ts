// Prepares the state directory before anything is read from it: it exists, it is ours, and nobody else can look into
// it.

import { access, chmod, constants, realpath, stat } from "node:fs/promises";

import { ensurePrivateDirectory } from "../../core/files/durable-file.ts";
import { errnoOf, messageOf, HydraError } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../core/files/paths.ts";

const OTHERS_MASK = 0o077;
const SYSTEM_CODE = /^E[A-Z0-9]+$/;
const HINT_OTHER_HOME = "give --home or HYDRAFLOW_HOME a directory of your own";
/** Codes of the system that no waiting mends. A service manager may try again after any other, for instance of a disk
 * that is full or read-only. */
const NOT_PERMITTED: Readonly<Record<string, string>> = {
  EACCES: `it and every file in it must belong to the user of the daemon; or ${HINT_OTHER_HOME}`,
  EPERM: `it and every file in it must belong to the user of the daemon; or ${HINT_OTHER_HOME}`,
  EEXIST: HINT_OTHER_HOME,
  ENOTDIR: HINT_OTHER_HOME,
  ELOOP: HINT_OTHER_HOME,
};

/** Resolves with the real path. A directory of ours that others may read, as the first implementation made it, is
 * closed to them. Throws HOME_NOT_OURS or HOME_NOT_WRITABLE. */
export async function openStateDirectory(path: string): Promise<string> {
  try {
    await ensurePrivateDirectory(path);
    const home = await realpath(path);
    const { uid, mode } = await stat(home);
    if (uid !== process.geteuid?.()) throw notPermitted(path, `it belongs to another user; ${HINT_OTHER_HOME}`);
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
    if ((mode & OTHERS_MASK) !== 0) await chmod(home, PRIVATE_DIRECTORY_MODE);
    return home;
  } catch (error) {
    throw stateDirectoryError(path, error);
  }
}

/** Turns a system error about a file in there into the failure of a start; returns anything else as it is. */
export function stateDirectoryError(path: string, error: unknown): unknown {
  const code = errnoOf(error);
  if (error instanceof HydraError || code === undefined || !SYSTEM_CODE.test(code)) return error;
  const hint = NOT_PERMITTED[code];
  if (hint !== undefined) return notPermitted(path, `${messageOf(error)}; ${hint}`, error);
  const message = `state directory ${path}: ${messageOf(error)}; start again when it can be written`;
  return new HydraError("HOME_NOT_WRITABLE", message, { cause: error });
}

function notPermitted(path: string, why: string, cause?: unknown): HydraError {
  const exitCode = EXIT_CODES.notPermitted.code;
  return new HydraError("HOME_NOT_OURS", `state directory ${path}: ${why}`, { cause, exitCode });
}
