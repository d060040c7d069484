// skeleton
import type { Clock } from "../core/clock.ts";
import type { IssueState } from "./issue-state.ts";

export type { IssueState } from "./issue-state.ts";

export class StateTracker implements AsyncDisposable {
  static open(_path: string, _clock: Clock): Promise<StateTracker> {
    throw new Error("not there yet");
  }
  /** UUID, made once per state file. The claim owner is `<hostname>/<slug>/<instance>`. */
  get instance(): string {
    throw new Error("not there yet");
  }
  /** Why the newest state could not be read, one line for a person; null when all is well. */
  get degraded(): string | null {
    throw new Error("not there yet");
  }
  /** Frozen; the defaults when unknown. */
  issue(_number: number): IssueState {
    throw new Error("not there yet");
  }
  issues(): ReadonlyMap<number, IssueState> {
    throw new Error("not there yet");
  }
  /** Durable when it resolves. Throws STATE_NOT_WRITTEN and has changed nothing when the disk refuses. */
  update(_number: number, _change: (state: IssueState) => IssueState): Promise<void> {
    throw new Error("not there yet");
  }
  counters(): Readonly<Record<string, number>> {
    throw new Error("not there yet");
  }
  count(_name: string, _by = 1): Promise<void> {
    throw new Error("not there yet");
  }
  [Symbol.asyncDispose](): Promise<void> {
    throw new Error("not there yet");
  }
}
