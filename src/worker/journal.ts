// skeleton
import type { Clock } from "../core/clock.ts";
import type { Result } from "../core/result.ts";

export interface EffectSteps<T, F> {
  /** Whether it happened already; null means it did not. */
  readonly look: (signal: AbortSignal) => Promise<Result<T | null, F>>;
  readonly act: (signal: AbortSignal) => Promise<Result<T, F>>;
  /** Look even where the journal knows of no attempt. */
  readonly alwaysLook?: boolean;
}

export interface JournalOptions {
  /** True when nothing about this issue will be asked again, so that compaction may drop its results. */
  readonly mayForget?: (issue: number) => boolean;
}

export class Journal implements AsyncDisposable {
  static open(_path: string, _clock: Clock, _options: JournalOptions = {}): Promise<Journal> {
    throw new Error("not there yet");
  }
  /** `T` must survive JSON. */
  effect<T, F extends { readonly retryable: boolean }>(_key: string, _steps: EffectSteps<T, F>, _signal: AbortSignal): Promise<Result<T, F>> {
    throw new Error("not there yet");
  }
  pending(): readonly { readonly key: string; readonly at: string }[] {
    throw new Error("not there yet");
  }
  /** The highest cycle that any key of this issue names; 0 when there is none. A worker that lost state.json must go on above it. */
  lastCycle(_issue: number): number {
    throw new Error("not there yet");
  }
  [Symbol.asyncDispose](): Promise<void> {
    throw new Error("not there yet");
  }
}
