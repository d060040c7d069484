// The server refuses some pushes by a hook of the bare repository, so that git itself says it. A protected branch that
// wants reviews takes no push at all, by whoever; the forge's own merges do not pass through hooks.

import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { HydraError } from "../../core/base/errors.ts";
import type { StoredRepository } from "../store/repository-store.ts";

const SAFE_PATTERN = /^[\w./*?-]+$/;
const EXECUTABLE = 0o755;

export async function writePushRules({ record, git }: StoredRepository): Promise<void> {
  const hook = join(git.directory, "hooks", "pre-receive");
  const rules = [
    ...record.settings.pushRules,
    ...Object.entries(record.protections)
      .filter(([, { approvals }]) => approvals > 0)
      .map(([branch]) => ({ ref: `refs/heads/${branch}`, message: protectedMessage(branch) })),
  ];
  if (rules.length === 0) return await rm(hook, { force: true });
  await mkdir(join(git.directory, "hooks"), { recursive: true });
  await writeFile(hook, script(rules));
  await chmod(hook, EXECUTABLE);
}

function script(rules: readonly { ref: string; message: string }[]): string {
  const cases = rules.map(({ ref, message }) => {
    if (!SAFE_PATTERN.test(ref)) throw new HydraError("FORGE_INPUT", `${ref} is no pattern of refs`);
    return `    ${ref}) printf '%s\\n' ${quote(message)} >&2; exit 1;;`;
  });
  return ["#!/bin/sh", "while read -r old new ref; do", '  case "$ref" in', ...cases, "  esac", "done", ""].join("\n");
}

function protectedMessage(branch: string): string {
  return `error: GH006: Protected branch update failed for refs/heads/${branch}.\nerror: Changes must be made through a pull request.`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
