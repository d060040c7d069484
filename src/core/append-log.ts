// A bounded log of JSON lines. One write per record, each with a sequence number and a checksum. On opening, a record
// that was cut at the end is dropped; a damaged one in the middle is kept aside as evidence and reported, never skipped
// in silence. The bound holds under load: when the file would pass it, the oldest half is dropped by an atomic rewrite.

import { crc32 } from "node:zlib";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";

import { ensurePrivateDirectory, readTextIfExists, replaceFile, syncDirectory } from "./durable-file.ts";
import { PRIVATE_FILE_MODE } from "./paths.ts";

const RECORD_BYTES_MAX = 262_144;
/** A file may grow beyond its bound only by what must not be dropped; reading refuses more than this. */
const FILE_BYTES_MAX = 2_147_483_648;

export interface AppendLogOptions<R> {
  readonly bytesMax: number;
  /** True for records that compaction must keep; by default the newest half stays. */
  readonly keep?: (record: R) => boolean;
}

export interface AppendLogDamage {
  /** Lines that did not check out, copied to `<file>.damaged`. */
  readonly damagedLines: number;
  readonly cutTail: boolean;
}

export class AppendLog<R extends object> implements AsyncDisposable {
  readonly damage: AppendLogDamage;
  readonly #path: string;
  readonly #options: AppendLogOptions<R>;
  #file: FileHandle;
  #records: { line: string; record: R; bytes: number }[];
  #bytes = 0;
  #sequence: number;
  #tail: Promise<unknown> = Promise.resolve();

  static async open<R extends object>(path: string, options: AppendLogOptions<R>): Promise<AppendLog<R>> {
    await ensurePrivateDirectory(dirname(path));
    const text = (await readTextIfExists(path, FILE_BYTES_MAX)) ?? "";
    const read = readRecords<R>(text);
    if (read.damaged.length > 0) await replaceFile(`${path}.damaged`, `${read.damaged.join("\n")}\n`);
    if (read.damaged.length > 0 || read.cutTail) await replaceFile(path, read.records.map(({ line }) => line).join(""));
    const file = await open(path, "a", PRIVATE_FILE_MODE);
    await syncDirectory(dirname(path));
    return new AppendLog(path, options, file, read);
  }

  private constructor(path: string, options: AppendLogOptions<R>, file: FileHandle, read: ReadRecords<R>) {
    this.#path = path;
    this.#options = options;
    this.#file = file;
    this.#records = read.records;
    this.#sequence = read.sequence;
    for (const { bytes } of read.records) this.#bytes += bytes;
    this.damage = { damagedLines: read.damaged.length, cutTail: read.cutTail };
  }

  /** Every record in the file, oldest first. */
  get records(): readonly R[] {
    return this.#records.map(({ record }) => record);
  }

  /** Appends in call order. `durable` returns only after fsync; use it for whatever someone was promised. */
  append(record: R, durability: "durable" | "buffered"): Promise<void> {
    const done = this.#tail.then(() => this.#write(record, durability));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }

  async #write(record: R, durability: "durable" | "buffered"): Promise<void> {
    const line = encodeRecord(record, this.#sequence + 1);
    const bytes = Buffer.byteLength(line);
    if (bytes > RECORD_BYTES_MAX) throw new RangeError(`a record of ${bytes} bytes is over the limit of ${RECORD_BYTES_MAX}`);
    if (this.#bytes + bytes > this.#options.bytesMax) await this.#compact();
    await this.#file.appendFile(line);
    if (durability === "durable") await this.#file.datasync();
    this.#sequence += 1;
    this.#bytes += bytes;
    this.#records.push({ line, record, bytes });
  }

  async #compact(): Promise<void> {
    const { keep } = this.#options;
    const newest = Math.ceil(this.#records.length / 2);
    const kept = this.#records.filter(({ record }, index) => index >= newest || keep?.(record) === true);
    await replaceFile(this.#path, kept.map(({ line }) => line).join(""));
    await this.#file.close();
    this.#file = await open(this.#path, "a", PRIVATE_FILE_MODE);
    this.#records = kept;
    this.#bytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

interface ReadRecords<R> {
  readonly records: { line: string; record: R; bytes: number }[];
  readonly damaged: string[];
  readonly cutTail: boolean;
  readonly sequence: number;
}

function encodeRecord(record: object, sequence: number): string {
  const body = JSON.stringify(record);
  return `{"seq":${sequence},"crc":"${checksum(body)}","r":${body}}\n`;
}

function readRecords<R>(text: string): ReadRecords<R> {
  const lines = text.split("\n");
  const cutTail = lines.pop() !== "";
  const records: ReadRecords<R>["records"] = [];
  const damaged: string[] = [];
  let sequence = 0;
  for (const line of lines) {
    const parsed = decodeRecord<R>(line);
    if (parsed === undefined) damaged.push(line);
    else {
      records.push({ line: `${line}\n`, record: parsed.record, bytes: Buffer.byteLength(line) + 1 });
      sequence = Math.max(sequence, parsed.sequence);
    }
  }
  return { records, damaged, cutTail, sequence };
}

function decodeRecord<R>(line: string): { record: R; sequence: number } | undefined {
  const match = /^\{"seq":(\d+),"crc":"([0-9a-f]{8})","r":(.*)\}$/s.exec(line);
  if (match === null) return undefined;
  const [, sequence = "", sum = "", body = ""] = match;
  if (checksum(body) !== sum) return undefined;
  return { record: JSON.parse(body) as R, sequence: Number(sequence) };
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
