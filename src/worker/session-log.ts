// skeleton
import type { Clock } from "../core/clock.ts";

/** Field names are the first implementation's. */
export interface Session {
  readonly id: string;
  readonly repo: string;
  readonly boot: string | null;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly status: "active" | "completed" | "interrupted";
  readonly issues_processed: readonly number[];
  readonly issues_succeeded: number;
  readonly issues_failed: number;
}

export class SessionLog implements AsyncDisposable {
  static open(_file: string, _options: { readonly repo: string; readonly boot: string; readonly clock: Clock }): Promise<SessionLog> {
    throw new Error("not there yet");
  }
  get current(): Session {
    throw new Error("not there yet");
  }
  /** Newest first. */
  list(): readonly Session[] {
    throw new Error("not there yet");
  }
  note(_issue: number, _result: "succeeded" | "failed"): Promise<void> {
    throw new Error("not there yet");
  }
  /** Ends the session as completed. */
  [Symbol.asyncDispose](): Promise<void> {
    throw new Error("not there yet");
  }
}
