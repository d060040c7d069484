// Reads a file that holds a secret and nothing else. It stands apart from what makes and compares tokens, so that a
// client of the daemon loads no cryptography.

import { statSync } from "node:fs";

import { readTextIfExists } from "./durable-file.ts";
import { HydraError } from "../base/errors.ts";
import { EXIT_CODES } from "../base/exit-code.ts";

const TOKEN_FILE_BYTES_MAX = 4_096;
const OTHERS_MASK = 0o077;

/** Reads the text without surrounding white space. Throws TOKEN_FILE_OPEN when others may read the file. */
export async function readTokenFile(path: string): Promise<string | undefined> {
  const text = (await readTextIfExists(path, TOKEN_FILE_BYTES_MAX))?.trim();
  if (text === undefined || text === "") return undefined;
  const { mode } = statSync(path);
  if ((mode & OTHERS_MASK) !== 0) {
    throw new HydraError(
      "TOKEN_FILE_OPEN",
      `${path} can be read by other users; run: chmod 600 ${path}, and replace the token if anyone else may have read it`,
      {
        exitCode: EXIT_CODES.badConfig.code,
      },
    );
  }
  return text;
}
