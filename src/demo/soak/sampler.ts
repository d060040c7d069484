// The daemon and its workers take this of the machine: resident memory as the kernel counts it, and what their
// directories hold on the disk. The forge is not part of it.

import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { worktreeRoot } from "../../core/files/paths.ts";
import type { DaemonKeeper } from "../daemon-keeper.ts";
import type { DemoWorld } from "../demo-world.ts";
import type { Door } from "../door.ts";
import type { Allowance } from "./growth.ts";

/** Each figure may grow so much and still count as flat. */
export const ALLOWANCES = {
  "supervisor RSS, MiB": { ratioMax: 1.15, slack: 4, perIssue: 0 },
  "workers RSS, MiB": { ratioMax: 1.15, slack: 20, perIssue: 0 },
  "data root, KiB": { ratioMax: 1.15, slack: 256, perIssue: 100 },
  "data root, files": { ratioMax: 1.15, slack: 50, perIssue: 20 },
  "git directories, KiB": { ratioMax: 1.15, slack: 256, perIssue: 100 },
  "worktrees, files": { ratioMax: 1.5, slack: 200, perIssue: 0 },
  "temporary files": { ratioMax: 1.5, slack: 20, perIssue: 0 },
} satisfies Readonly<Record<string, Allowance>>;
type Figures = Partial<Record<keyof typeof ALLOWANCES, number>>;

const BLOCK_BYTES = 512;
const KIB = 1_024;

export interface Sampled {
  readonly world: DemoWorld;
  readonly door: Door;
  readonly keeper: DaemonKeeper;
  /** It is the daemon's TMPDIR. */
  readonly temporary: string;
}

/** A figure that cannot be had just now is missing: right after a kill not all workers run. */
export async function takeFigures({ world, door, keeper, temporary }: Sampled, signal: AbortSignal): Promise<Figures> {
  const pids = (await door.repositories(signal)).flatMap(({ running, pid }) => (running && pid !== null ? [pid] : []));
  const supervisor = await residentMib(keeper.pid);
  const workers = await Promise.all(pids.map(residentMib));
  const data = await measureTree(world.paths.home);
  const git = await Promise.all(world.repositories.map(({ checkout }) => measureTree(join(checkout, ".git"))));
  const worktrees = await Promise.all(world.repositories.map((repository) => measureTree(worktreesOf(repository))));
  return {
    ...(supervisor === undefined ? {} : { "supervisor RSS, MiB": supervisor }),
    ...(workers.length < world.repositories.length || workers.includes(undefined)
      ? {}
      : { "workers RSS, MiB": sum(workers.map(Number)) }),
    "data root, KiB": data.bytes / KIB,
    "data root, files": data.files,
    "git directories, KiB": sum(git.map(({ bytes }) => bytes)) / KIB,
    "worktrees, files": sum(worktrees.map(({ files }) => files)),
    "temporary files": (await measureTree(temporary)).files,
  };
}

export function worktreesOf({ checkout, slug }: { readonly checkout: string; readonly slug: string }): string {
  return worktreeRoot(checkout, slug);
}

/** Measures everything beneath without following links; a file that goes meanwhile is not counted. */
async function measureTree(directory: string): Promise<{ bytes: number; files: number }> {
  const total = { bytes: 0, files: 0 };
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name);
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) continue;
    total.bytes += found.blocks * BLOCK_BYTES;
    total.files += 1;
    if (!entry.isDirectory()) continue;
    const below = await measureTree(path);
    total.bytes += below.bytes;
    total.files += below.files;
  }
  return total;
}

async function residentMib(pid: number | undefined): Promise<number | undefined> {
  const status = pid === undefined ? "" : await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? undefined : Number(kib) / KIB;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
