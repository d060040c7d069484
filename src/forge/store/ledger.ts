// The ledger has every write that had an effect, in order: it is the forge's own testimony of who did what. Nothing is
// ever changed in it; at its limit the oldest half goes.

import { AppendLog } from "../../core/files/append-log.ts";

export interface Cause {
  /** It is the login of the token, or the author given to a method of the forge. */
  readonly actor: string;
  /** It is the HTTP method, or `LOCAL` for the forge's own methods and its CI. */
  readonly method: string;
  readonly path: string;
}

export interface LedgerEntry extends Cause {
  /** It rises by one, over restarts too. */
  readonly seq: number;
  /** The time is ISO with milliseconds. */
  readonly at: string;
  /** It is `owner/name`. */
  readonly repo: string;
  /** It is, for instance, `label.added`, `comment.created`, `pull.merged`, `ref.updated`. */
  readonly kind: string;
  /** It is the number of the issue or pull request. */
  readonly number?: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

const LEDGER_BYTES_MAX = 268_435_456;

export class Ledger implements AsyncDisposable {
  readonly #log: AppendLog<LedgerEntry>;
  #seq: number;
  #appended: Promise<unknown> = Promise.resolve();

  private constructor(log: AppendLog<LedgerEntry>) {
    this.#log = log;
    this.#seq = log.records.at(-1)?.seq ?? 0;
  }

  static async open(path: string): Promise<Ledger> {
    return new Ledger(await AppendLog.open<LedgerEntry>(path, { bytesMax: LEDGER_BYTES_MAX }));
  }

  /** Gives the entries, the oldest first. */
  entries(): readonly LedgerEntry[] {
    return this.#log.records;
  }

  record(entry: Omit<LedgerEntry, "seq">): void {
    this.#seq += 1;
    this.#appended = Promise.all([this.#appended, this.#log.append({ seq: this.#seq, ...entry }, "buffered")]);
  }

  /** Resolves when everything recorded so far is in the file. */
  async save(): Promise<void> {
    await this.#appended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#log[Symbol.asyncDispose]();
  }
}
