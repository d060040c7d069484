// Keeps the raw lines of one turn for people. The file is bounded, readable by the owner alone, and never a reason to
// fail a turn: when the disk refuses, the turn goes on without it.

import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

import { PRIVATE_DIRECTORY_MODE, PRIVATE_FILE_MODE } from "../../../core/files/paths.ts";

const TRANSCRIPT_BYTES_MAX = 32 * 1_024 * 1_024;
const CUT_MARK = `${JSON.stringify({ type: "hydraflow", subtype: "transcript-cut" })}\n`;

export class Transcript implements AsyncDisposable {
  #file: FileHandle | undefined;
  #bytesLeft: number;

  private constructor(file: FileHandle | undefined, bytesLeft: number) {
    this.#file = file;
    this.#bytesLeft = bytesLeft;
  }

  /** Appends to a transcript that exists; a symbolic link in its place is refused. */
  static async open(path: string, bytesMax = TRANSCRIPT_BYTES_MAX): Promise<Transcript> {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    try {
      await mkdir(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
      const file = await open(path, flags, PRIVATE_FILE_MODE);
      return new Transcript(file, bytesMax - (await file.stat()).size);
    } catch {
      return new Transcript(undefined, 0);
    }
  }

  /** The line must be free of secrets. */
  async append(line: string): Promise<void> {
    if (this.#file === undefined || this.#bytesLeft <= 0) return;
    const bytes = Buffer.from(`${line}\n`);
    this.#bytesLeft -= bytes.length;
    try {
      await this.#file.write(this.#bytesLeft > 0 ? bytes : Buffer.from(CUT_MARK));
    } catch {
      await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }
}
