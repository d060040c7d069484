// The demo agent carries out edits in the working directory. Each is made at most once: a turn that was cut short is
// simply run again.

import { mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";

import { errnoOf } from "../../core/base/errors.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import type { Edit } from "./instructions.ts";

/** The failure is one line that a person can act on. */
export async function applyEdit(directory: string, edit: Edit, answer: string): Promise<Result<void, string>> {
  // The path is clean by its text; a link that the repository brings must not lead out of it either.
  const path = await realPathOf(join(directory, edit.path));
  if (relative(await realpath(directory), path).startsWith(".."))
    return fail(`${edit.path} leads out of the repository`);
  const before = await textOf(path);
  const after = edited(before, edit, edit.content.replaceAll("{{answer}}", answer));
  if (after === null) return fail(`There is no line "${edit.line}" in ${edit.path}.`);
  if (after === before) return ok();
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, after);
  return ok();
}

export async function fileExists(directory: string, path: string): Promise<boolean> {
  return (await textOf(join(directory, path))) !== null;
}

/** Every link on the way is followed; what does not exist yet lies below what does. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT") throw thrown;
    return join(await realPathOf(dirname(path)), basename(path));
  }
}

/** Gives null where the line to go before is not there. */
function edited(before: string | null, edit: Edit, content: string): string | null {
  const text = before ?? "";
  // A later edit may have appended to the file, and what it appended stays.
  if (edit.kind === "file") return text.startsWith(content) ? text : content;
  if (text.includes(content)) return text;
  if (edit.kind === "before") {
    const lines = text.split("\n");
    const at = lines.findIndex((line) => line.trim() === edit.line?.trim());
    return at === -1 ? null : [...lines.slice(0, at), content.replace(/\n$/, ""), ...lines.slice(at)].join("\n");
  }
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${content}`;
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return null;
    throw thrown;
  }
}
