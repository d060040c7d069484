// Opens files at names where others can make entries: agents run as the same user as we do. A pipe in place of a file
// would hold whoever opens it for ever, and a link would lead what is written to another file.

import { closeSync, constants, fstatSync, lstatSync, openSync, unlinkSync } from "node:fs";

import { HydraError } from "../base/errors.ts";
import { PRIVATE_FILE_MODE } from "./paths.ts";

/** Opens a file to write to; `flags` go beside O_WRONLY and O_CREAT. Whatever is no file there makes room. */
export function openPlainFile(path: string, flags: number): number {
  const safely = constants.O_NONBLOCK | constants.O_NOFOLLOW;
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) unlinkSync(path);
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | safely | flags, PRIVATE_FILE_MODE);
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new HydraError("OUTPUT_NOT_OURS", `${path} is no file`);
}
