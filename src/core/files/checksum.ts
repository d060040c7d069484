// Finds what a disk, a kill or an editor did to a file. No protection against anybody's intent.

import { crc32 } from "node:zlib";

/** CRC-32, eight hex digits. */
export function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
