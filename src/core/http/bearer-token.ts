// The admin token: 256 random bits in a file that only its owner can read, compared in constant time by its hash.

import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { dirname } from "node:path";

import { ensurePrivateDirectory, replaceFile } from "../files/durable-file.ts";
import { readTokenFile } from "../files/token-file.ts";

const TOKEN_BYTES = 32;

export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** Hashes with SHA-256, in hex: whoever merely checks tokens keeps only their hashes. */
export function hashToken(token: string): string {
  return hash("sha256", token);
}

/** Compares in constant time: both sides are hashes of one length. */
export function isAcceptedToken(token: string | undefined, acceptedHashes: Iterable<string>): boolean {
  if (token === undefined) return false;
  const given = hash("sha256", token, "buffer");
  let accepted = false;
  for (const acceptedHash of acceptedHashes) {
    const wanted = Buffer.from(acceptedHash, "hex");
    if (wanted.length === given.length && timingSafeEqual(given, wanted)) accepted = true;
  }
  return accepted;
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
