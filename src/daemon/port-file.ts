// The TCP port as text, where clients of the first implementation look for it. Whoever wrote it removes it, nobody else.

import { rm } from "node:fs/promises";

import { readTextIfExists, replaceFile } from "../core/durable-file.ts";

const FILE_BYTES_MAX = 64;

export async function writePortFile(path: string, port: number): Promise<AsyncDisposable> {
  const text = String(port);
  await replaceFile(path, text);
  return {
    async [Symbol.asyncDispose]() {
      const now = await readTextIfExists(path, FILE_BYTES_MAX).catch(() => undefined);
      if (now === text) await rm(path, { force: true });
    },
  };
}
