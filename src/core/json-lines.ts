// Splits a byte stream into lines with a hard cap on raw bytes, so that a peer that never sends a newline costs no more
// than the cap. Bytes, not characters: a multi-byte character may be split between chunks.

import { fail, ok, type Result } from "./result.ts";

const NEWLINE = 0x0a;

export type LineFailure = { kind: "line-too-long"; bytes: number };

export class LineSplitter {
  readonly #bytesMax: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The complete lines that this chunk ends, without their newline. After a failure the stream must be dropped. */
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

  /** What came after the last newline; empties the splitter. */
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

/** Text without any of these has no such key, however it is written; looking at each key makes parsing several times slower. */
const MAY_BE_UNSAFE = /__proto__|constructor|\\/;

/** A JSON object, or undefined for anything else: broken JSON, arrays, strings, `__proto__` keys, nesting over the limit. */
export function parseJsonObject(text: string, depthMax = 32): Record<string, unknown> | undefined {
  if (nestingOf(text) > depthMax) return undefined;
  let unsafe = false;
  const lookAt = (key: string, inner: unknown): unknown => {
    if (key === "__proto__" || key === "constructor") unsafe = true;
    return inner;
  };
  try {
    const value: unknown = MAY_BE_UNSAFE.test(text) ? JSON.parse(text, lookAt) : JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && !unsafe ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === "\\") index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") deepest = Math.max(deepest, (depth += 1));
    else if (character === "}" || character === "]") depth -= 1;
  }
  return deepest;
}
