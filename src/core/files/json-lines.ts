// Splits a byte stream into lines with a hard cap on raw bytes, so that a peer that never sends a newline costs no more
// than the cap. Bytes, not characters: a multi-byte character may be split between chunks.

import { fail, ok, type Result } from "../base/result.ts";

const NEWLINE = 0x0a;

export type LineFailure = { kind: "line-too-long"; bytes: number };

export class LineSplitter {
  readonly #bytesMax: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Returns the complete lines that this chunk ends, without newlines. After a failure the stream must be dropped. */
  push(chunk: Uint8Array): Result<string[], LineFailure> {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      if (this.#pendingBytes + piece.length > this.#bytesMax) return this.#tooLong(piece.length);
      lines.push(this.#take(piece));
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    if (this.#pendingBytes + rest.length > this.#bytesMax) return this.#tooLong(rest.length);
    if (rest.length > 0) {
      this.#pending.push(rest);
      this.#pendingBytes += rest.length;
    }
    return ok(lines);
  }

  /** Returns what came after the last newline, and empties the splitter. */
  rest(): string {
    return this.#take(new Uint8Array());
  }

  #take(piece: Uint8Array): string {
    const line = Buffer.concat([...this.#pending, piece]).toString("utf8");
    this.#pending = [];
    this.#pendingBytes = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }

  #tooLong(more: number): Result<never, LineFailure> {
    return fail({ kind: "line-too-long", bytes: this.#pendingBytes + more });
  }
}

/** Reads a JSON object; undefined for broken JSON, arrays, strings, `__proto__` keys, and nesting over the limit. */
export function parseJsonObject(text: string, depthMax = 32): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isRecord(value) && !Array.isArray(value) && isHarmless(value, depthMax) ? value : undefined;
}

/** Looks so many levels deep; an object that goes on below them is not harmless. */
function isHarmless(value: Record<string, unknown>, levels: number): boolean {
  if (levels === 0) return false;
  for (const key of Object.keys(value)) {
    if (key === "__proto__" || key === "constructor") return false;
    const inner = value[key];
    if (isRecord(inner) && !isHarmless(inner, levels - 1)) return false;
  }
  return true;
}

/** True for arrays too: their keys are their indices. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
