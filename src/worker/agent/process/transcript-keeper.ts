// Bounds what all transcripts of one repository take together. The oldest go first. A transcript of a run in flight
// never goes, so the bound may be passed by those and by what is written between two looks. The supervisor removes old
// ones too, for a bound of its own, so any of them may be gone between two steps.

import { lstat, readdir, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Clock } from "../../../core/base/clock.ts";
import { errnoOf, messageOf } from "../../../core/base/errors.ts";
import type { Log } from "../../../core/logs/log.ts";

export const TRANSCRIPTS_BYTES_MAX = 268_435_456;
export const TRANSCRIPTS_COUNT_MAX = 2_000;
export const LOOK_INTERVAL_MS = 60_000;

export interface TranscriptKeeperOptions {
  /** The directory is `<data root>/logs`; transcripts are in its `issue-<n>` directories. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Lists the transcripts of runs in flight by their paths. */
  readonly inUse: () => ReadonlySet<string>;
  readonly bytesMax?: number;
  readonly countMax?: number;
}

interface TranscriptFile {
  readonly path: string;
  readonly bytes: number;
  readonly changedMs: number;
}

export class TranscriptKeeper {
  readonly #options: TranscriptKeeperOptions;

  constructor(options: TranscriptKeeperOptions) {
    this.#options = options;
  }

  /** Looks now and every LOOK_INTERVAL_MS; ends when aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      await this.prune().catch((thrown: unknown) =>
        log.write("warn", "transcripts.failed", { problem: messageOf(thrown) }),
      );
      await clock.sleep(LOOK_INTERVAL_MS, signal).catch(() => undefined);
    }
  }

  async prune(): Promise<void> {
    const { directory, log, inUse, bytesMax = TRANSCRIPTS_BYTES_MAX, countMax = TRANSCRIPTS_COUNT_MAX } = this.#options;
    const files = await listTranscripts(directory);
    let count = files.length;
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const kept = inUse();
    const before = { count, bytes };
    for (const file of files.toSorted((a, b) => a.changedMs - b.changedMs)) {
      if (count <= countMax && bytes <= bytesMax) break;
      if (kept.has(file.path)) continue;
      await unlink(file.path).catch(ignoreMissing);
      await rmdir(dirname(file.path)).catch(() => undefined);
      count -= 1;
      bytes -= file.bytes;
    }
    if (count < before.count) {
      log.write("info", "transcripts.pruned", { files: before.count - count, bytes: before.bytes - bytes });
    }
  }
}

async function listTranscripts(directory: string): Promise<TranscriptFile[]> {
  const issues = (await readdir(directory)).filter((name) => /^issue-\d+$/.test(name));
  const lists = await Promise.all(issues.map((name) => listFiles(join(directory, name))));
  return lists.flat();
}

async function listFiles(directory: string): Promise<TranscriptFile[]> {
  const names = (await namesIn(directory)).filter((name) => name.endsWith(".jsonl"));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const stats = await lstat(path).catch(ignoreMissing);
      return stats === undefined ? [] : [{ path, bytes: stats.size, changedMs: stats.mtimeMs }];
    }),
  );
  return files.flat();
}

/** A path that is no directory, or none any more, holds no transcript of ours. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOTDIR" || errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

function ignoreMissing(error: unknown): undefined {
  if (errnoOf(error) !== "ENOENT") throw error;
}
