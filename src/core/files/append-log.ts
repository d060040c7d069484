// A bounded log of JSON lines. One write per record; `_seq` and `_crc` stand before the record's own fields. On
// opening, a record that was cut at the end is dropped; a damaged one in the middle is kept aside as evidence and
// reported, never skipped in silence. The bound holds under load: a file that would pass it is rewritten with the
// newest records only.

import { appendFile, constants, type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";

import { checksum } from "./checksum.ts";
import { ensurePrivateDirectory, readBytesAtOnce, replaceFile, syncDirectory } from "./durable-file.ts";
import { HydraError } from "../base/errors.ts";
import { PRIVATE_FILE_MODE } from "./paths.ts";

const RECORD_BYTES_MAX = 262_144;
/** Reading refuses a larger file, although a file grows beyond its bound only by what must not be dropped. */
const FILE_BYTES_MAX = 2_147_483_647;
/** No more is added to `<file>.damaged` once it is this large. */
const EVIDENCE_BYTES_MAX = 16_777_216;
const NEWLINE = 0x0a;
/** These flags never make an open wait for somebody who reads from a pipe. */
const APPENDING = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

export interface AppendLogOptions<R> {
  readonly bytesMax: number;
  /** True for records that compaction must keep beside the newest ones. */
  readonly keep?: (record: R) => boolean;
}

export interface AppendLogDamage {
  /** Counts the lines that did not check out and were copied to `<file>.damaged`. */
  readonly damagedLines: number;
  readonly cutTail: boolean;
}

interface Entry<R> {
  readonly record: R;
  readonly sequence: number;
  readonly bytes: number;
}

export class AppendLog<R extends object> implements AsyncDisposable {
  readonly damage: AppendLogDamage;
  readonly #path: string;
  readonly #options: AppendLogOptions<R>;
  /** The file is open from the first record on. */
  #file: FileHandle | undefined;
  #entries: Entry<R>[];
  #bytes: number;
  #sequence: number;
  /** True while the file may not hold exactly `#entries`: it is then written anew before the next record. */
  #suspect = false;
  #compactAboveBytes: number;
  #closed = false;
  #tail: Promise<unknown> = Promise.resolve();

  static async open<R extends object>(path: string, options: AppendLogOptions<R>): Promise<AppendLog<R>> {
    await ensurePrivateDirectory(dirname(path));
    const content = readBytesAtOnce(path, FILE_BYTES_MAX);
    const read = readEntries<R>(content ?? new Uint8Array());
    if (read.damaged.length > 0) await keepEvidence(`${path}.damaged`, read.damaged);
    if (read.damaged.length > 0 || read.cutTail) await replaceFile(path, encodeEntries(read.entries));
    return new AppendLog(path, options, read);
  }

  private constructor(path: string, options: AppendLogOptions<R>, read: ReadEntries<R>) {
    this.#path = path;
    this.#options = options;
    this.#entries = read.entries;
    this.#bytes = sizeOf(read.entries);
    this.#sequence = read.entries.reduce((highest, { sequence }) => Math.max(highest, sequence), 0);
    this.#compactAboveBytes = options.bytesMax;
    this.damage = { damagedLines: read.damaged.length, cutTail: read.cutTail };
  }

  /** Returns every record in the file, oldest first. */
  get records(): readonly R[] {
    return this.#entries.map(({ record }) => record);
  }

  /**
   * Appends in call order. `durable` returns only after fsync; use it for whatever someone was promised. Throws the
   * system's error, or RangeError for a record over the limit; the log then goes on without that record.
   */
  append(record: R, durability: "durable" | "buffered"): Promise<void> {
    const done = this.#tail.then(() => this.#write(record, durability));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  /** Keeps the records that `keep` names, on disk and in memory, in call order with `append`. Throws system errors. */
  compact(keep: (record: R) => boolean): Promise<void> {
    const done = this.#tail.then(() =>
      this.#closed ? undefined : this.#rewrite(this.#entries.filter(({ record }) => keep(record))),
    );
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail;
    this.#closed = true;
    await this.#file?.close().catch(() => undefined);
  }

  async #write(record: R, durability: "durable" | "buffered"): Promise<void> {
    if (this.#closed) throw new HydraError("INVARIANT", `${this.#path} is closed`);
    const sequence = this.#sequence + 1;
    const line = encodeRecord(record, sequence);
    const bytes = Buffer.byteLength(line);
    const limit = Math.min(RECORD_BYTES_MAX, this.#options.bytesMax / 2);
    if (bytes > limit) throw new RangeError(`a record of ${bytes} bytes is over the limit of ${limit}`);
    if (this.#bytes + bytes > this.#compactAboveBytes) await this.#compact();
    else if (this.#suspect) await this.#rewrite(this.#entries);
    this.#suspect = true;
    const file = this.#file ?? (await this.#open());
    await file.appendFile(line);
    if (durability === "durable") await file.datasync();
    this.#suspect = false;
    this.#sequence = sequence;
    this.#bytes += bytes;
    this.#entries.push({ record, sequence, bytes });
  }

  async #open(): Promise<FileHandle> {
    this.#file = await open(this.#path, APPENDING, PRIVATE_FILE_MODE);
    // The file may be new, and its name must outlive a power cut too.
    if (this.#bytes === 0) await syncDirectory(dirname(this.#path));
    return this.#file;
  }

  async #compact(): Promise<void> {
    const half = this.#options.bytesMax / 2;
    let newest = this.#entries.length;
    for (let bytes = 0; newest > 0; newest -= 1) {
      bytes += this.#entries[newest - 1]?.bytes ?? 0;
      if (bytes > half) break;
    }
    await this.#rewrite(
      this.#entries.filter(({ record }, index) => index >= newest || this.#options.keep?.(record) === true),
    );
    // Where almost everything must be kept, the next rewrite waits for another half, or each record would cost one.
    this.#compactAboveBytes = Math.max(this.#options.bytesMax, this.#bytes + half);
  }

  /** Writes a new file and opens a new descriptor, so that a failed write or fsync leaves nothing behind. */
  async #rewrite(entries: Entry<R>[]): Promise<void> {
    this.#suspect = true;
    await replaceFile(this.#path, encodeEntries(entries));
    const file = await open(this.#path, APPENDING, PRIVATE_FILE_MODE);
    await this.#file?.close().catch(() => undefined);
    this.#file = file;
    this.#entries = entries;
    this.#bytes = sizeOf(entries);
    this.#suspect = false;
  }
}

interface ReadEntries<R> {
  readonly entries: Entry<R>[];
  readonly damaged: Uint8Array[];
  readonly cutTail: boolean;
}

function readEntries<R>(content: Uint8Array): ReadEntries<R> {
  const entries: Entry<R>[] = [];
  const damaged: Uint8Array[] = [];
  let start = 0;
  for (let end = content.indexOf(NEWLINE); end !== -1; end = content.indexOf(NEWLINE, start)) {
    const line = content.subarray(start, end);
    const entry = decodeRecord<R>(line);
    if (entry === undefined) damaged.push(line);
    else entries.push(entry);
    start = end + 1;
  }
  return { entries, damaged, cutTail: start < content.length };
}

async function keepEvidence(path: string, lines: readonly Uint8Array[]): Promise<void> {
  const size = readBytesAtOnce(path, FILE_BYTES_MAX)?.length ?? 0;
  if (size > EVIDENCE_BYTES_MAX) return;
  await appendFile(path, Buffer.concat(lines.flatMap((line) => [line, Buffer.of(NEWLINE)])), {
    mode: PRIVATE_FILE_MODE,
  });
}

function encodeEntries(entries: readonly Entry<object>[]): string {
  return entries.map(({ record, sequence }) => encodeRecord(record, sequence)).join("");
}

function encodeRecord(record: object, sequence: number): string {
  const fields = JSON.stringify(record).slice(1);
  return `{"_seq":${sequence},"_crc":"${checksumOf(sequence, fields)}"${fields === "}" ? "" : ","}${fields}\n`;
}

function decodeRecord<R>(line: Uint8Array): Entry<R> | undefined {
  const match = /^\{"_seq":(\d{1,15}),"_crc":"([0-9a-f]{8})",?(.*)$/s.exec(Buffer.from(line).toString("utf8"));
  if (match === null) return undefined;
  const [, digits = "", sum = "", fields = ""] = match;
  const sequence = Number(digits);
  if (checksumOf(sequence, fields) !== sum) return undefined;
  return { record: JSON.parse(`{${fields}`) as R, sequence, bytes: line.length + 1 };
}

function checksumOf(sequence: number, fields: string): string {
  return checksum(`${sequence} ${fields}`);
}

function sizeOf(entries: readonly Entry<unknown>[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}
