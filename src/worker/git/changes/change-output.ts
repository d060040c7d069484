// Reads what git prints of a change. Pure.

const NO_ID = /^0+$/;
const NO_MODE = "000000";

export interface ChangedFile {
  /** Bytes that are no UTF-8 stand in the path as U+FFFD. */
  readonly path: string;
  readonly kind: "added" | "modified" | "deleted" | "type-changed";
  /**
   * Modes are as git writes them: `100644`, `100755`, `120000` (symbolic link), `160000` (submodule); null where there
   * is no file.
   */
  readonly oldMode: string | null;
  readonly newMode: string | null;
  /** The object names of the contents; null where there is no file. */
  readonly oldId: string | null;
  readonly newId: string | null;
  readonly isBinary: boolean;
  /** Counts lines; a binary file has 0. */
  readonly insertions: number;
  readonly deletions: number;
  /** The entry is a pointer to another repository, before or after the change. */
  readonly isSubmodule: boolean;
  /** The target of the link that stands there after the change. */
  readonly linkTarget: string | null;
}

export type TreeLink = Pick<ChangedFile, "path" | "newId" | "newMode">;

const KINDS: Readonly<Record<string, ChangedFile["kind"]>> = {
  A: "added",
  M: "modified",
  D: "deleted",
  T: "type-changed",
};

/**
 * Reads `-t --raw --numstat -z`: all raw rows, then the counts of files in the same order. Returns null for any other
 * text.
 */
export function parseChange(output: string): readonly ChangedFile[] | null {
  const fields = output.split("\0");
  const raw: Omit<ChangedFile, "isBinary" | "insertions" | "deletions">[] = [];
  let next = 0;
  for (; fields[next]?.startsWith(":"); next += 2) {
    const [, oldMode = "", newMode = "", oldId = "", newId = "", letter = ""] =
      /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) ([A-Z])$/.exec(fields[next] ?? "") ?? [];
    if (isTree(oldMode) || isTree(newMode)) continue;
    const kind = KINDS[letter];
    const path = fields[next + 1];
    if (kind === undefined || path === undefined || path === "") return null;
    const modes = { oldMode: oldMode === NO_MODE ? null : oldMode, newMode: newMode === NO_MODE ? null : newMode };
    const ids = { oldId: NO_ID.test(oldId) ? null : oldId, newId: NO_ID.test(newId) ? null : newId };
    raw.push({ path, kind, ...modes, ...ids, isSubmodule: [oldMode, newMode].includes("160000"), linkTarget: null });
  }
  const counts = fields.slice(next).filter((field) => field !== "");
  if (counts.length !== raw.length) return null;
  return raw.map((file, index) => {
    const [insertions = "", deletions = ""] = (counts[index] ?? "").split("\t", 2);
    const isBinary = insertions === "-";
    return { ...file, isBinary, insertions: Number(insertions) || 0, deletions: Number(deletions) || 0 };
  });
}

/** Names all objects in the raw rows, directories included; the commits of submodules are left out. */
export function objectsOf(output: string): readonly string[] {
  return output.split("\0").flatMap((field) => {
    const [, oldMode, newMode, oldId = "", newId = ""] = /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) /.exec(field) ?? [];
    const ids = [...(oldMode === "160000" ? [] : [oldId]), ...(newMode === "160000" ? [] : [newId])];
    return ids.filter((id) => id !== "" && !NO_ID.test(id));
  });
}

/**
 * Splits the diff into one text for each file, since git prints them in the order of its list. A line of a file always
 * has a letter before it, so only git itself begins a line with `diff --git`. A text that was cut away is undefined.
 * Returns null when the parts do not add up.
 */
export function splitDiff(
  output: string,
  files: readonly ChangedFile[],
  truncated: boolean,
): readonly (string | undefined)[] | null {
  // The flag `m` would not do: with it a line also begins behind a carriage return in the text of a file.
  const parts = output.split(/(?<=\n)(?=diff --git )/).filter((part) => part.startsWith("diff --git "));
  const wanted = files.reduce((sum, file) => sum + partsOf(file), 0);
  // The last part of a cut text may be half of one.
  if (truncated) parts.pop();
  else if (parts.length !== wanted) return null;
  let next = 0;
  return files.map((file) => {
    const own = parts.slice(next, next + partsOf(file));
    next += partsOf(file);
    return own.length === partsOf(file) ? own.join("") : undefined;
  });
}

function isTree(mode: string): boolean {
  return mode === "040000";
}

/** Returns null when the text shows the whole change of the file. */
export function noteOf(
  file: ChangedFile,
  text: string | undefined,
  limits: { readonly sizes: ReadonlyMap<string, number>; readonly bytesMax: number },
): string | null {
  const sizeOf = (id: string | null) => (id === null ? undefined : limits.sizes.get(id));
  const [before, after] = [sizeOf(file.oldId), sizeOf(file.newId)];
  const bytes = `${before ?? "no"} bytes before, ${after ?? "no"} bytes after`;
  if (file.isSubmodule && text !== undefined) return null;
  if (file.isBinary) return `binary file: ${bytes}`;
  if (Math.max(before ?? 0, after ?? 0) > limits.bytesMax && file.oldId !== file.newId)
    return `too large to be shown: ${bytes}, ${file.insertions} lines added, ${file.deletions} removed`;
  return text === undefined ? `not shown, since the whole change is too large: ${bytes}` : null;
}

/** Git shows a file that became something else, for instance a link, as one that goes and one that comes. */
function partsOf({ oldMode, newMode }: ChangedFile): number {
  return oldMode !== null && newMode !== null && oldMode.slice(0, 3) !== newMode.slice(0, 3) ? 2 : 1;
}
