// The installer brings node_modules to what package-lock.json says, once. npm's own record of what it installed is the
// marker: npm writes it last, so an install that was cut short is seen. This file runs on Node 18 and newer, with
// nothing installed.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "./runtime.mjs";

const INSTALL_OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Returns whether dependencies are in place; says on stderr what it does and what failed. */
export function installIfStale() {
  if (isInstalled()) return true;
  process.stderr.write("Installing dependencies (about half a minute; some minutes on a slow line) ...\n");
  const done = spawnSync("npm", ["ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund"], {
    cwd: root,
    env: { ...process.env, PATH: pathWithoutProject() },
    encoding: "utf8",
    maxBuffer: INSTALL_OUTPUT_BYTES_MAX,
    shell: process.platform === "win32",
  });
  if (done.status === 0) return true;
  process.stderr.write(`${done.stdout ?? ""}${done.stderr ?? ""}${done.error ? `${done.error.message}\n` : ""}`);
  process.stderr.write("npm ci failed; its output is above. Mend that and run the same command again.\n");
  return false;
}

function isInstalled() {
  const wanted = readPackages(join(root, "package-lock.json"));
  const present = readPackages(join(root, "node_modules", ".package-lock.json"));
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = present[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** `npm run` puts node_modules/.bin first, and `npm ci` deletes the `node` that lies there while it runs. */
function pathWithoutProject() {
  const own = join(root, "node_modules");
  return (process.env.PATH ?? "")
    .split(delimiter)
    .filter((entry) => !entry.startsWith(own))
    .join(delimiter);
}
