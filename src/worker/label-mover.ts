// skeleton
import type { Result } from "../core/result.ts";
import type { StageLabel } from "../core/stage.ts";
import type { WorkerEvent } from "./event.ts";
import type { GitHub, GitHubFailure, Issue } from "./github/github.ts";
import type { Journal } from "./journal.ts";
import type { IssueState } from "./issue-state.ts";

export interface LabelMoverOptions {
  readonly github: GitHub;
  readonly journal: Journal;
  readonly labelPrefix: string;
  readonly tell: (event: WorkerEvent) => void;
  /** The pull request that carries the same label, if any; StateTracker knows it. */
  readonly stateOf: (issue: number) => IssueState;
}

/** Not in the table of legal moves, or someone else moved the issue: its labels no longer say `from`. */
export interface IllegalMove {
  readonly kind: "illegal-move";
  readonly message: string;
  readonly retryable: false;
}

export class LabelMover {
  constructor(_options: LabelMoverOptions) {
    throw new Error("not there yet");
  }
  /** The issue as it is afterwards. */
  move(_issue: Issue, _from: StageLabel, _to: StageLabel, _state: IssueState, _signal: AbortSignal): Promise<Result<Issue, GitHubFailure | IllegalMove>> {
    throw new Error("not there yet");
  }
  reconcile(_issue: Issue, _signal: AbortSignal): Promise<Result<Issue, GitHubFailure>> {
    throw new Error("not there yet");
  }
  ensureLabels(_signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    throw new Error("not there yet");
  }
}
