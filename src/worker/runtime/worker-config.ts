// Puts the layers of a worker's settings together: the machine's file, the repository's own, environment, command line.
// The repository's file is read from the operator's checkout, never from an agent's worktree.

import { lstat } from "node:fs/promises";
import { join } from "node:path";

import type { Config } from "../../core/config/config.ts";
import {
  type ConfigLayer,
  describeProblems,
  environmentLayer,
  resolveConfig,
} from "../../core/config/config-layers.ts";
import { type LayerFile, readLayer } from "../../core/config/layer-file.ts";
import { messageOf } from "../../core/base/errors.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import { shortageOf } from "../../core/processes/shortage.ts";

export interface ConfigSources {
  readonly machine: { readonly source: string; readonly values?: unknown } | null;
  readonly checkout: string;
  /** Variables that are no settings of ours are left out. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly commandLine: Readonly<Record<string, unknown>>;
}

/** The failure names every problem on one line. */
export async function loadWorkerConfig({
  machine,
  checkout,
  environment,
  commandLine,
}: ConfigSources): Promise<Result<Config, string>> {
  const repository = await readRepositoryFile(checkout);
  if (!repository.ok) return repository;
  const layers: ConfigLayer[] = [
    ...(machine === null ? [] : [{ source: machine.source, kind: "machine" as const, values: machine.values }]),
    ...(repository.value === null ? [] : [{ ...repository.value, kind: "repository" as const }]),
    environmentLayer(environment),
    { source: "command line", kind: "command-line", values: commandLine },
  ];
  const config = resolveConfig(layers);
  return config.ok ? config : fail(describeProblems(config.failure));
}

/**
 * A link, or a directory that is another repository's, would let a file from elsewhere say how this one is worked on.
 */
async function readRepositoryFile(checkout: string): Promise<Result<LayerFile | null, string>> {
  const directory = join(checkout, ".hydraflow");
  const file = join(directory, "config.json");
  for (const path of [directory, file])
    if ((await lstat(path).catch(() => undefined))?.isSymbolicLink())
      return fail(`${path} is a symbolic link, which is not followed; put the file itself there`);
  if ((await lstat(join(directory, ".git")).catch(() => undefined)) !== undefined)
    return fail(`${directory} is a repository of its own, which is not read; put the file into this one`);
  return readLayerFile(file);
}

/** Returns null when there is no file; the resolver names a file that is no JSON object. */
export async function readLayerFile(path: string): Promise<Result<LayerFile | null, string>> {
  try {
    return ok(await readLayer(path));
  } catch (thrown) {
    // A shortage says nothing about the settings, and a later look finds them.
    if (shortageOf(thrown) !== null) throw thrown;
    return fail(`${path} cannot be read: ${messageOf(thrown)}`);
  }
}
