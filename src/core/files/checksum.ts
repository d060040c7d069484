// Finds what a disk, a kill or an editor did to a file. It protects against nobody's intent.

import { crc32 } from "node:zlib";

/** Returns the CRC-32 as eight hex digits. */
export function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
