// The admin token: 256 random bits in a file that only its owner can read, compared in constant time by its hash.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { stat } from "node:fs/promises";

import { ensurePrivateDirectory, readTextIfExists, replaceFile } from "./durable-file.ts";
import { HydraError } from "./errors.ts";
import { EXIT_CODES } from "./exit-code.ts";
import { dirname } from "node:path";

const TOKEN_BYTES = 32;
const TOKEN_FILE_BYTES_MAX = 4_096;
const OTHERS_MASK = 0o077;

export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** SHA-256 in hex. Only hashes are kept by those who merely check. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Constant time: both sides are hashes of one length. */
export function isAcceptedToken(token: string | undefined, acceptedHashes: Iterable<string>): boolean {
  if (token === undefined) return false;
  const given = Buffer.from(hashToken(token), "hex");
  let accepted = false;
  for (const hash of acceptedHashes) {
    const wanted = Buffer.from(hash, "hex");
    if (wanted.length === given.length && timingSafeEqual(given, wanted)) accepted = true;
  }
  return accepted;
}

/** Throws TOKEN_FILE_OPEN when others may read the file. The text without surrounding white space. */
export async function readTokenFile(path: string): Promise<string | undefined> {
  const text = (await readTextIfExists(path, TOKEN_FILE_BYTES_MAX))?.trim();
  if (text === undefined || text === "") return undefined;
  const { mode } = await stat(path);
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

/** Reads the token, or makes one on the first start. */
export async function ensureTokenFile(path: string): Promise<string> {
  const existing = await readTokenFile(path);
  if (existing !== undefined) return existing;
  const token = newToken();
  await ensurePrivateDirectory(dirname(path));
  await replaceFile(path, `${token}\n`);
  return token;
}
