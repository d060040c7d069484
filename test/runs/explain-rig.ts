// Asks what `explain` says of an issue, as the worker's API asks, around real workers.

import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { askGitHub, issueView } from "../../src/worker/api/pipeline-view.ts";
import type { RepoRuntime } from "../../src/worker/runtime/repo-runtime.ts";
import type { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

const NEVER = new AbortController().signal;

/** Returns every reason, the most telling one first. */
export async function explain(worker: RepoRuntime, issue: number): Promise<readonly string[]> {
  return issueView(worker, issue, await askGitHub(worker, issue, NEVER))?.why ?? [];
}

/** Waits until the first reason is this one. */
export async function untilReason(rig: PipelineRig, worker: RepoRuntime, issue: number, reason: RegExp): Promise<void> {
  let seen: readonly string[] = [];
  await rig.until(`the first reason is ${reason}`, () => {
    seen = issueView(worker, issue)?.why ?? [];
    return reason.test(seen[0] ?? "");
  });
}

/** Starts a worker whose git fails to fetch with these words. */
export async function startWithBrokenGit(
  rig: PipelineRig,
  words: string,
  config: Readonly<Record<string, unknown>> = {},
): Promise<RepoRuntime> {
  const directory = join(rig.directory, "bin");
  const path = process.env["PATH"] ?? "";
  await mkdir(directory);
  const script = `#!/bin/sh\nfor word in "$@"; do [ "$word" = fetch ] && { echo "${words}" >&2; exit 128; }; done\nPATH='${path}' exec git "$@"\n`;
  await writeFile(join(directory, "git"), script);
  await chmod(join(directory, "git"), 0o755);
  return rig.start(config, { path: `${directory}:${path}` });
}
