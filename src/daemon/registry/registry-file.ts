// Reads and replaces supervisor-state.json. A damaged file is kept as evidence and its last good copy is used; a write
// happens only when the file on disk is the one we know, so nobody's change is lost.

import { copyFileSync, linkSync, renameSync, rmSync } from "node:fs";
import { copyFile, lstat, readdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import type { Clock } from "../../core/base/clock.ts";
import { readBytesAtOnce, readTextIfExists, replaceFile } from "../../core/files/durable-file.ts";
import { errnoOf, HydraError, messageOf } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import type { SupervisorPaths } from "../../core/files/paths.ts";
import { takeFileLock } from "./file-lock.ts";
import {
  decodeDocument,
  EMPTY_DOCUMENT,
  encodeDocument,
  type FirstEntry,
  type RegistryDocument,
} from "./registry-document.ts";

const FILE_BYTES_MAX = 16_777_216;

export interface LoadedRegistry {
  readonly document: RegistryDocument;
  /** Says why the content is not the last one written; null when all is well. */
  readonly degraded: string | null;
  /** Entries to take over from the first implementation. */
  readonly firstEntries: readonly FirstEntry[];
}

export class RegistryFile {
  readonly #paths: SupervisorPaths;
  readonly #clock: Clock;
  /** The texts that may be on disk without anybody else's doing: the one read or written last, and those of failed
   * writes. */
  readonly #ours = new Set<string>();
  /** Content that may be overwritten because a copy of it lies aside. */
  #keptAside: string | undefined;

  constructor(paths: SupervisorPaths, clock: Clock) {
    this.#paths = paths;
    this.#clock = clock;
  }

  /** Reads the document. Throws REGISTRY_NEWER, and has written nothing then. */
  async load(): Promise<LoadedRegistry> {
    await removeTemporaries(this.#paths.state);
    const current = await this.#read(this.#paths.state);
    if (current.kind === "good") {
      this.#ours.add(current.text);
      return { document: current.document, degraded: null, firstEntries: [] };
    }
    if (current.kind === "older") {
      await this.#keepAside(current.text, "before-upgrade");
      return { document: current.document, degraded: null, firstEntries: [] };
    }
    if (current.kind === "first-implementation") {
      await this.#keepAside(current.text, "before-upgrade");
      return { document: EMPTY_DOCUMENT, degraded: null, firstEntries: current.entries };
    }
    return this.#recover(current);
  }

  /** Replaces the file. Throws when nothing was written: the system's error, FILE_LOCKED, FILE_LOCK_LOST or
   * REGISTRY_CHANGED. */
  async replace(document: RegistryDocument, signal: AbortSignal): Promise<void> {
    const { state } = this.#paths;
    const text = encodeDocument(document);
    await using lock = await takeFileLock(state, this.#clock, signal);
    if (await this.#isGoodAndOurs()) keepPrevious(state, this.#paths.statePrevious);
    if (!lock.isHeld()) throw new HydraError("FILE_LOCK_LOST", `the lock of ${state} was lost`);
    this.#ours.add(text);
    await replaceFile(state, text);
    this.#ours.clear();
    this.#ours.add(text);
  }

  async #recover(
    current: { kind: "absent" } | { kind: "damaged"; reason: string; text: string },
  ): Promise<LoadedRegistry> {
    const previous = await this.#read(this.#paths.statePrevious);
    if (current.kind === "absent" && previous.kind === "absent") {
      return { document: EMPTY_DOCUMENT, degraded: null, firstEntries: [] };
    }
    let problem = `${this.#paths.state} was missing`;
    if (current.kind === "damaged") {
      const evidence = await this.#keepAside(current.text, "corrupt");
      problem = `${this.#paths.state} was damaged (${current.reason}); it is kept as ${evidence}`;
    }
    if (previous.kind === "good" || previous.kind === "older") {
      return { document: previous.document, degraded: `${problem}; the copy before it is in use`, firstEntries: [] };
    }
    if (previous.kind === "damaged") await copyFile(this.#paths.statePrevious, this.#aside("corrupt-prev"));
    return {
      document: EMPTY_DOCUMENT,
      degraded: `${problem}; no good copy was left, add the repositories again`,
      firstEntries: [],
    };
  }

  async #read(path: string): Promise<ReadOutcome> {
    await refuseLink(path);
    const text = await readTextIfExists(path, FILE_BYTES_MAX).catch((error: unknown) => {
      if (error instanceof RangeError) return "";
      throw error;
    });
    if (text === undefined) return { kind: "absent" };
    const decoded = decodeDocument(text);
    if (decoded.ok) return { kind: "good", text, document: decoded.value };
    if (decoded.failure.kind === "newer") {
      throw new HydraError(
        "REGISTRY_NEWER",
        `${path} has schema ${decoded.failure.schema}, written by a newer version; install that, or move the file away`,
        {
          exitCode: EXIT_CODES.badConfig.code,
        },
      );
    }
    return { text, ...decoded.failure };
  }

  /** Resolves with false when nothing is worth a copy, since a missing or damaged file is no change to lose. Throws
   * REGISTRY_CHANGED. */
  async #isGoodAndOurs(): Promise<boolean> {
    const text = readAtOnce(this.#paths.state);
    if (text === undefined || text === this.#keptAside) return false;
    if (this.#ours.has(text)) return true;
    const decoded = decodeDocument(text);
    if (!decoded.ok && decoded.failure.kind === "damaged") {
      await this.#keepAside(text, "corrupt");
      return false;
    }
    throw new HydraError(
      "REGISTRY_CHANGED",
      `${this.#paths.state} was changed by another program; restart the daemon to take that over`,
    );
  }

  async #keepAside(text: string, label: string): Promise<string> {
    const copy = this.#aside(label);
    await copyFile(this.#paths.state, copy);
    this.#keptAside = text;
    return copy;
  }

  #aside(label: string): string {
    return `${this.#paths.state}.${label}-${this.#clock.now().toISOString().replace(/[-:.]/g, "")}`;
  }
}

type ReadOutcome =
  | { readonly kind: "absent" }
  | { readonly kind: "good"; readonly text: string; readonly document: RegistryDocument }
  | { readonly kind: "older"; readonly text: string; readonly document: RegistryDocument }
  | { readonly kind: "damaged"; readonly text: string; readonly reason: string }
  | { readonly kind: "first-implementation"; readonly text: string; readonly entries: readonly FirstEntry[] };

/** Reads synchronously: what was read or written a moment ago lies in memory, and another thread would take longer. */
function readAtOnce(path: string): string | undefined {
  return readBytesAtOnce(path, FILE_BYTES_MAX)?.toString("utf8");
}

async function refuseLink(path: string): Promise<void> {
  const kind = await lstat(path).catch(() => undefined);
  if (kind === undefined || kind.isFile()) return;
  throw new HydraError("REGISTRY_NO_FILE", `${path} must be a regular file`, { exitCode: EXIT_CODES.badConfig.code });
}

/** The last good copy is another name of the file that is about to be replaced: no data is copied. */
function keepPrevious(state: string, previous: string): void {
  const temporary = `${previous}.new`;
  try {
    rmSync(temporary, { force: true });
    try {
      linkSync(state, temporary);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      copyFileSync(state, temporary); // A file system without hard links.
    }
    renameSync(temporary, previous);
  } catch (error) {
    throw new HydraError("REGISTRY_COPY", `no copy of ${state} could be kept: ${messageOf(error)}`, { cause: error });
  }
}

/** Removes what a kill left behind while a file was being replaced. */
async function removeTemporaries(state: string): Promise<void> {
  const names = await readdir(dirname(state)).catch(() => []);
  const left = names.filter((name) => name.startsWith(`.${basename(state)}.`) && name.endsWith(".tmp"));
  await Promise.all(left.map((name) => unlink(join(dirname(state), name)).catch(() => undefined)));
}
