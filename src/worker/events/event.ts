// Declares the union of things worth telling an operator. One call of `emit` feeds log, event log, stream and counters;
// message texts are static, and everything that varies is a field.

import type { Stage, StageLabel } from "../../core/domain/stage.ts";
import type { WaitCause } from "../../core/domain/worker-metrics.ts";

export type WorkerEvent =
  | { readonly type: "worker.ready"; readonly port: number }
  | { readonly type: "worker.stopping"; readonly reason: string }
  | { readonly type: "worker.notice"; readonly notice: string | null }
  /** A bug was caught; what it was about is tried again. */
  | {
      readonly type: "worker.bug";
      readonly where: string;
      readonly issue: number | null;
      readonly problem: string;
      readonly stack: string | null;
    }
  /** Work does not move although it could, or GitHub does not show it; `isOn` is false when that is over. */
  | {
      readonly type: "worker.alarm";
      readonly alarm: "stalled" | "sync";
      readonly isOn: boolean;
      readonly detail: string;
    }
  | { readonly type: "issue.found"; readonly issue: number; readonly stage: Stage; readonly title: string }
  | { readonly type: "issue.claimed"; readonly issue: number; readonly stage: Stage; readonly owner: string }
  | { readonly type: "issue.released"; readonly issue: number }
  /** A wait begins, or is for something else by now; `explain` and the metrics say how long it lasts. */
  | {
      readonly type: "issue.waiting";
      readonly issue: number;
      readonly cause: WaitCause;
      readonly reason: string;
      readonly since: string;
    }
  | { readonly type: "issue.moved"; readonly issue: number; readonly from: StageLabel; readonly to: StageLabel }
  | { readonly type: "issue.closed"; readonly issue: number; readonly reason: string }
  | {
      readonly type: "run.started";
      readonly issue: number;
      readonly stage: Stage;
      readonly run: string;
      readonly attempt: number;
      readonly resumed: boolean;
    }
  | {
      readonly type: "run.ended";
      readonly issue: number;
      readonly stage: Stage;
      readonly run: string;
      readonly outcome: string;
      readonly durationMs: number;
    }
  | {
      readonly type: "run.failed";
      readonly issue: number;
      readonly stage: Stage;
      readonly run: string;
      readonly reason: string;
      readonly retryInMs: number;
    }
  | {
      readonly type: "agent.started";
      readonly issue: number;
      readonly run: string;
      readonly agent: string;
      readonly session: string;
    }
  | { readonly type: "agent.said"; readonly issue: number; readonly run: string; readonly text: string }
  | {
      readonly type: "agent.tool";
      readonly issue: number;
      readonly run: string;
      readonly tool: string;
      readonly summary: string;
    }
  | {
      readonly type: "agent.ended";
      readonly issue: number;
      readonly run: string;
      readonly outcome: string;
      readonly inputTokens: number;
      readonly outputTokens: number;
      readonly costUsd: number | null;
    }
  | {
      readonly type: "gate.ended";
      readonly issue: number;
      readonly run: string;
      readonly passed: boolean;
      readonly durationMs: number;
    }
  | {
      readonly type: "pull.opened";
      readonly issue: number;
      readonly pull: number;
      readonly url: string;
      readonly recovered: boolean;
    }
  | {
      readonly type: "pull.reviewed";
      readonly issue: number;
      readonly pull: number;
      readonly verdict: string;
      readonly round: number;
    }
  | { readonly type: "pull.checks"; readonly issue: number; readonly pull: number; readonly state: string }
  | {
      readonly type: "pull.blocked";
      readonly issue: number;
      readonly pull: number;
      readonly reason: string;
      readonly message: string;
    }
  | { readonly type: "pull.merged"; readonly issue: number; readonly pull: number; readonly sha: string }
  | { readonly type: "hitl.asked"; readonly issue: number; readonly question: string }
  | {
      readonly type: "hitl.answered";
      readonly issue: number;
      readonly by: string;
      readonly door: "comment" | "api" | "review";
    }
  | { readonly type: "github.failed"; readonly request: string; readonly status: number; readonly message: string }
  | { readonly type: "github.paused"; readonly until: string }
  /** The orphan sweep has removed what ended issues had left; `left` names what could not be removed. */
  | { readonly type: "leftovers.swept"; readonly removed: number; readonly left: string }
  | { readonly type: "store.synced"; readonly issues: number; readonly full: boolean };

/**
 * An event stands so in events.jsonl and on the stream. `id` rises by one within a `boot`; (repo, boot, id) is unique.
 */
export type RecordedEvent = WorkerEvent & {
  readonly id: number;
  readonly boot: string;
  readonly repo: string;
  /** It is an ISO time. */
  readonly at: string;
};
