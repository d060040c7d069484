// The registered repositories in memory and on disk: one writer, and what memory says is on disk. Changes that come
// together share one write cycle; each is acknowledged only after its cycle is durable, and a failed cycle changes
// nothing.

import type { Clock } from "../../core/base/clock.ts";
import { errnoOf, HydraError, messageOf } from "../../core/base/errors.ts";
import type { Log } from "../../core/logs/log.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import type { ControlFailure } from "../../core/messages/supervisor-control.ts";
import type { RegistryDocument } from "./registry-document.ts";
import type { RegistryFile } from "./registry-file.ts";

/** Cycles that follow each other closely are held apart by this much, so that a burst shares them. */
const GATHER_MS = 10;
/** The wait after a failed write: the disk is asked again although nobody comes to change something. */
const RETRY_MS = 5_000;

export interface Edited<T> {
  readonly document: RegistryDocument;
  readonly value: T;
}

export type Edit<T, F> = (document: RegistryDocument) => Result<Edited<T>, F>;

interface Waiting {
  /** Applies the edit to the draft; the returned document is the draft of the next one. */
  readonly apply: (draft: RegistryDocument) => RegistryDocument;
  readonly settle: (failure: ControlFailure | undefined) => void;
}

export interface RegistryOptions {
  readonly file: RegistryFile;
  readonly document: RegistryDocument;
  readonly clock: Clock;
  readonly log: Log;
}

export class Registry implements AsyncDisposable {
  readonly #options: RegistryOptions;
  readonly #closing = new AbortController();
  #document: RegistryDocument;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #lastCycleMs = -Infinity;
  #isRetrying = false;
  /** Why the last write failed; null when it went well. */
  problem: string | null = null;
  /** Counts the write cycles since the start. */
  cycles = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#document = options.document;
  }

  /** Returns the document as it is on disk. */
  get document(): RegistryDocument {
    return this.#document;
  }

  /** The edit is pure and runs on the newest content; it returns the same document when it changes nothing. */
  change<T, F>(edit: Edit<T, F>): Promise<Result<T, F | ControlFailure>> {
    return new Promise((resolve, reject) => {
      let result: Result<Edited<T>, F> | undefined;
      this.#waiting.push({
        apply: (draft) => {
          try {
            result = edit(draft);
          } catch (error) {
            reject(error instanceof Error ? error : new HydraError("INVARIANT", messageOf(error)));
            return draft;
          }
          return result.ok ? result.value.document : draft;
        },
        settle: (failure) => {
          if (result?.ok === false) resolve(result);
          else if (result !== undefined) resolve(failure === undefined ? ok(result.value.value) : fail(failure));
        },
      });
      this.#writing ??= this.#write();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#closing.abort();
  }

  async #write(): Promise<void> {
    const { clock } = this.#options;
    // A change that comes alone is written at once.
    if (clock.monotonicMs() - this.#lastCycleMs < GATHER_MS) await clock.sleep(GATHER_MS, this.#closing.signal);
    else await Promise.resolve();
    const batch = this.#waiting.splice(0);
    let draft = this.#document;
    for (const { apply } of batch) draft = apply(draft);
    const failure = draft === this.#document ? undefined : await this.#cycle(draft);
    this.#lastCycleMs = clock.monotonicMs();
    this.#writing = this.#waiting.length > 0 ? this.#write() : undefined;
    for (const { settle } of batch) settle(failure);
  }

  /** Writes the present document again until that succeeds, which ends the problem that health probes show. */
  async #retry(): Promise<void> {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    try {
      while (this.problem !== null) {
        await this.#options.clock.sleep(RETRY_MS, this.#closing.signal);
        await this.change((document) => ok({ document: { ...document }, value: undefined }));
      }
    } catch {
      // The registry was closed.
    }
    this.#isRetrying = false;
  }

  async #cycle(draft: RegistryDocument): Promise<ControlFailure | undefined> {
    const { file, log } = this.#options;
    const next = { ...draft, revision: this.#document.revision + 1 };
    try {
      await file.replace(next, this.#closing.signal);
      this.cycles += 1;
      this.#document = next;
      this.problem = null;
      return undefined;
    } catch (error) {
      const problem = `the state file could not be written: ${describe(error)}`;
      if (problem !== this.problem) log.write("error", "registry.write-failed", { problem: messageOf(error) });
      this.problem = problem;
      void this.#retry();
      return { code: "storage_failed", message: `nothing was changed; ${problem}` };
    }
  }
}

/** Texts of the system name internal paths; its codes say enough. */
function describe(error: unknown): string {
  if (error instanceof HydraError) return error.message;
  return errnoOf(error) ?? "see the log";
}
