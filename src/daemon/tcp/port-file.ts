// Keeps the TCP port as text, where clients of the first implementation look for it. Only the daemon that wrote it
// removes it.

import { rm } from "node:fs/promises";

import type { Clock } from "../../core/base/clock.ts";
import { readTextIfExists, replaceFile } from "../../core/files/durable-file.ts";
import { messageOf } from "../../core/base/errors.ts";
import type { Log } from "../../core/logs/log.ts";
import { writeWithRetry } from "../registry/retry-write.ts";

const FILE_BYTES_MAX = 64;

export async function writePortFile(path: string, port: number, clock: Clock, log: Log): Promise<AsyncDisposable> {
  const text = String(port);
  const write = async (): Promise<boolean> => {
    try {
      await replaceFile(path, text);
      return true;
    } catch (error) {
      log.write("error", "port-file.write-failed", { problem: messageOf(error) });
      return false;
    }
  };
  const writing = await writeWithRetry(write, clock);
  return {
    async [Symbol.asyncDispose]() {
      await writing[Symbol.asyncDispose]();
      const now = await readTextIfExists(path, FILE_BYTES_MAX).catch(() => undefined);
      if (now === text) await rm(path, { force: true });
    },
  };
}
