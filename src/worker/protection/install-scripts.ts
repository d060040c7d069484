// Checks whether a change of a package.json changes what its installation runs.

import { parseJsonObject } from "../../core/files/json-lines.ts";
import { ok, type Result } from "../../core/base/result.ts";
import type { Change, ChangeReader } from "../git/changes/change-reader.ts";
import type { GitFailure } from "../git/command/git-failure.ts";
import { INSTALL_FIELDS, INSTALL_SCRIPTS } from "./protected-list.ts";

const MANIFEST_BYTES_MAX = 1_048_576;

export function isManifest(path: string): boolean {
  return /(^|\/)package\.json$/i.test(path);
}

/**
 * Lists those of `manifests`, files of the change, with other install scripts than before; one that cannot be read
 * counts.
 */
export async function changedInstallScripts(
  reader: ChangeReader,
  { base, head, files: manifests }: Change,
  signal: AbortSignal,
): Promise<Result<readonly string[], GitFailure>> {
  const changed: string[] = [];
  for (const { path, oldId, newId } of manifests) {
    const before = oldId === null ? ok("{}") : await reader.text({ commit: base, path }, MANIFEST_BYTES_MAX, signal);
    if (!before.ok) return before;
    const after = newId === null ? ok("{}") : await reader.text({ commit: head, path }, MANIFEST_BYTES_MAX, signal);
    if (!after.ok) return after;
    const isRead = before.value !== null && after.value !== null;
    if (!isRead || installScripts(before.value) !== installScripts(after.value)) changed.push(path);
  }
  return ok(changed);
}

/** Returns the same text for the same scripts. */
function installScripts(manifest: string): string {
  const parsed = parseJsonObject(manifest);
  if (parsed === undefined) return `unreadable ${manifest}`;
  const scripts = parsed["scripts"];
  const known = new Map<string, unknown>(
    typeof scripts === "object" && scripts !== null ? Object.entries(scripts) : [],
  );
  const values = [...INSTALL_SCRIPTS.map((name) => known.get(name)), ...INSTALL_FIELDS.map((name) => parsed[name])];
  return JSON.stringify(values.map((value) => value ?? null));
}
