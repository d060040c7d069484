// The table of docs/adr/0012: whatever real transitions make of an issue, in whatever order they may come, is one of its
// rows, and is the same after a write and a read.

import { array, asyncProperty, assert, constantFrom, integer, record } from "fast-check";
import { expect, it } from "vitest";

import { LABEL_OF_STAGE, type Stage, STAGES } from "../../../src/core/domain/stage.ts";
import { claimGone } from "../../../src/worker/claims/claim-record.ts";
import { askPerson, noteComment, putOnHold, takeWord } from "../../../src/worker/pipeline/question-record.ts";
import { beginRun, decideRun, dropRun, failRun, letGo, markRun } from "../../../src/worker/pipeline/run-record.ts";
import { endIssue, seeEnd, settle, settledState } from "../../../src/worker/settlement/settle.ts";
import type { Decision } from "../../../src/worker/state/decision.ts";
import {
  type HitlState,
  type IssueState,
  issueStateSchema,
  UNKNOWN_ISSUE,
  type Word,
} from "../../../src/worker/state/issue-state.ts";
import type { WorkingStep } from "../../../src/worker/state/run-step.ts";
import { RunWaits } from "../../../src/worker/waits/run-waits.ts";
import { WaitBook } from "../../../src/worker/waits/wait-book.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const RUNS = 500;
const KINDS = [
  ...["begin", "begin", "begin", "mark", "retry", "wait", "decide", "decide", "ask", "settle", "settle", "drop"],
  ...["see-end", "answer", "hold", "let-go", "end"],
] as const;
const STEPS: readonly WorkingStep[] = [
  { at: "prompted" },
  { at: "gated", sha: "a", summary: "s" },
  { at: "judged", sha: "a", verdict: { verdict: "approve", summary: "s", findings: [] } },
  { at: "approved", sha: "a", since: "t", looks: 0, green: null, queuedAt: null },
];
const DECISIONS: readonly Decision[] = [
  { kind: "advance", to: "ready", note: "planned", change: { plan: "plans/issue-1.md" } },
  { kind: "hand-off", question: "Which?", cause: "question" },
  { kind: "close", result: "merged", reason: "merged in #2" },
];

interface Happening {
  readonly kind: (typeof KINDS)[number];
  readonly stage: Stage;
  readonly pick: number;
}

/** Names the row of the table; throws for what the table does not have. */
function wayOf({ run, hitl, outcome, pause, waited }: IssueState): string {
  const isPlain = pause === null && waited === null;
  if (run !== null && outcome === null) {
    if (run.by === "person" || run.step.at === "settling") return "settling";
    if (run.stage === "hitl" || hitl === null) return "running";
  } else if (run === null && isPlain) {
    if (outcome !== null) return "ended";
    return hitl === null ? "idle" : "asking";
  }
  throw new Error(`the table has no such row: ${JSON.stringify({ run, hitl, outcome, pause, waited })}`);
}

class World {
  readonly #clock = new ManualClock();
  readonly #waits: RunWaits;
  state: IssueState = UNKNOWN_ISSUE;

  constructor() {
    const clock = this.#clock;
    const limits = { limitMs: 3_600_000, ciTimeoutMs: 60_000, pollIntervalMs: 1_000 };
    const asked = { isAsking: () => this.state.hitl !== null, isGitHubUp: () => true };
    const waits = new WaitBook({ clock, emit: () => undefined, ...limits, ...asked });
    const update = (_: number, change: (old: IssueState) => IssueState) => {
      this.state = change(this.state);
      return Promise.resolve();
    };
    const context = { state: { issue: () => this.state, update } } as unknown as { state: never };
    this.#waits = new RunWaits({ context, store: undefined as never, waits });
  }

  /** Leaves out what cannot happen to an issue as it stands. */
  async play({ kind, stage, pick }: Happening): Promise<void> {
    await this.#clock.advance(1_000);
    const at = this.#clock.now().toISOString();
    const { run, outcome } = this.state;
    const decision = DECISIONS[pick % DECISIONS.length]!;
    const step = STEPS[pick % STEPS.length]!;
    const isRunning = run !== null && run.step.at !== "settling";
    if (kind === "begin" && run?.step.at !== "settling") this.state = beginRun(this.state, { stage, at, lostCycle: 0 });
    else if (kind === "mark" && isRunning) this.state = markRun(this.state, run.id, step);
    else if (kind === "retry" && isRunning)
      this.state = failRun(this.state, { kind: "retry", reason: "r" }, run.stage, { at, retryAt: at });
    else if (kind === "wait" && run !== null)
      await this.#waits.put(1, { cause: "git-locked", reason: "index.lock", until: null });
    else if (kind === "decide" && isRunning) this.state = decideRun(this.state, run.id, decision, at);
    else if (kind === "ask") this.#ask();
    else if (kind === "settle" && run?.step.at === "settling") {
      this.#ask();
      this.state = settledState(this.state, run.step.outcome, run.stage, at);
    } else if (kind === "drop" && run !== null) this.state = dropRun(this.state, "r", at);
    else if (kind === "see-end" && outcome === null && run?.step.at !== "settling") this.#seeEnd(stage, at);
    else if (kind === "answer") this.state = takeWord(this.state, answerOf(at));
    else if (kind === "hold" && run === null) this.state = putOnHold(this.state, questionOf(at));
    else if (kind === "let-go" && outcome === null) this.state = letGo(this.state, "r", at);
    else if (kind === "end" && outcome === null) {
      const end = { kind: "closed" as const, reason: "r", at, pull: null };
      this.state = endIssue(claimGone(dropRun(this.state, "r", at)), end);
    }
  }

  #ask(): void {
    const { run } = this.state;
    if (run?.step.at !== "settling") return;
    const { outcome, decidedAt } = run.step;
    const settlement = settle(outcome, { state: this.state, run, decidedAt, labelPrefix: "hydraflow" });
    if (settlement.question !== null) this.state = noteComment(askPerson(this.state, settlement.question), 7);
  }

  #seeEnd(stage: Stage, at: string): void {
    const outcome: Decision = { kind: "close", result: "closed", reason: "it was closed by someone else" };
    const step = { at: "settling", outcome, decidedAt: at } as const;
    this.state = seeEnd(this.state, { by: "person", id: `closed-${at}`, stage, startedAt: at, step });
  }
}

function questionOf(at: string): HitlState {
  const none = { commentId: null, awaits: null, said: null };
  return {
    question: "On hold",
    cause: "question",
    origin: LABEL_OF_STAGE.triage,
    askedAt: at,
    resumes: false,
    ...none,
  };
}

function answerOf(at: string): Word {
  return { is: "answer", text: "a", last: "a", by: "alice", door: "api", at, commentId: null, lastSeen: null };
}

it("has a row for whatever a history of transitions makes, and reads back what was written", async () => {
  const seen = new Set<string>();
  const happening = record({
    kind: constantFrom(...KINDS),
    stage: constantFrom(...STAGES),
    pick: integer({ min: 0, max: 11 }),
  });
  await assert(
    asyncProperty(array(happening, { minLength: 1, maxLength: 40, size: "max" }), async (history) => {
      const world = new World();
      for (const happened of history) {
        await world.play(happened);
        seen.add(wayOf(world.state));
        const stored: unknown = JSON.parse(JSON.stringify(world.state));
        expect(issueStateSchema.parse(stored)).toEqual(world.state);
      }
    }),
    { numRuns: RUNS },
  );
  expect([...seen].toSorted()).toEqual(["asking", "ended", "idle", "running", "settling"]);
});
