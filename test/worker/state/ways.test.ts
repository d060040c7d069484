// The union of docs/adr/0012: whatever real transitions make of an issue, in whatever order they may come, is the same
// after a write and a read; and the table there, by which files of schema 1 are read.

import { readFileSync } from "node:fs";

import { array, asyncProperty, assert, constantFrom, integer, record } from "fast-check";
import { describe, expect, it } from "vitest";

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
import { outcomeOf, pauseOf, questionOf, runOf, waitedOf } from "../../../src/worker/state/issue-way.ts";
import type { RunState, RunStep, SeenEnd, WorkingStep } from "../../../src/worker/state/run-step.ts";
import { type Columns, wayOfColumns } from "../../../src/worker/state/schema-1.ts";
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
  { at: "turned", session: "s1", summary: "s" },
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

class World {
  readonly #clock = new ManualClock();
  readonly #waits: RunWaits;
  state: IssueState = UNKNOWN_ISSUE;

  constructor() {
    const clock = this.#clock;
    const limits = { limitMs: 3_600_000, ciTimeoutMs: 60_000, pollIntervalMs: 1_000 };
    const asked = { isAsking: () => questionOf(this.state) !== null, isGitHubUp: () => true };
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
    const run = runOf(this.state);
    const outcome = outcomeOf(this.state);
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
    else if (kind === "hold" && run === null) this.state = putOnHold(this.state, holdOf(at));
    else if (kind === "let-go" && outcome === null) this.state = letGo(this.state, "r", at);
    else if (kind === "end" && outcome === null) {
      const end = { kind: "closed" as const, reason: "r", at, pull: null };
      this.state = endIssue(claimGone(dropRun(this.state, "r", at)), end);
    }
  }

  #ask(): void {
    const run = runOf(this.state);
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

function holdOf(at: string): HitlState {
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

it("An issue reads back as it was written after any history of transitions, which reach all that it can be", async () => {
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
        seen.add(world.state.way.is);
        const stored: unknown = JSON.parse(JSON.stringify(world.state));
        expect(issueStateSchema.parse(stored)).toEqual(world.state);
      }
    }),
    { numRuns: RUNS },
  );
  expect([...seen].toSorted()).toEqual(["asking", "ended", "idle", "running", "settling"]);
});

/** Lists the table's rows: what stands in its five columns, and the name of the way. */
const ROWS = readFileSync(new URL("../../../docs/adr/0012-an-issue-is-in-one-state.md", import.meta.url), "utf8")
  .split("\n")
  .flatMap((line) => [/^((?:\| [^|`]+ ){5})\| `(\w+)` \|/.exec(line)].filter((found) => found !== null))
  .map(([, cells = "", is = ""]) => ({
    cells: cells
      .split("|")
      .slice(1)
      .map((cell) => cell.trim()),
    is,
  }));

const AT = "2026-03-01T10:00:00.000Z";
const SETTLING = { at: "settling", outcome: DECISIONS[2]!, decidedAt: AT } as const;
const RUNS_OF: Readonly<Record<string, RunState | SeenEnd | null>> = {
  "–": null,
  stage: stageRun("implement", STEPS[0]!),
  hitl: stageRun("hitl", STEPS[0]!),
  settling: stageRun("implement", SETTLING),
  person: { by: "person", id: "closed-1", stage: "review", startedAt: AT, step: SETTLING },
};
const SET = {
  hitl: { ...holdOf(AT), said: answerOf(AT) },
  outcome: { kind: "closed", reason: "r", at: AT, pull: null },
  pause: { until: AT, reason: "r" },
  waited: { since: AT, cause: "git-locked", mark: "run-1 begun ", ms: 1 },
} as const;

function stageRun(stage: Stage, step: RunStep): RunState {
  return { by: "stage", id: "run-1", stage, attempt: 1, sessionId: "s", startedAt: AT, step };
}

/** Lists every combination, in the words of the table. */
const COMBINATIONS = Object.keys(RUNS_OF).flatMap((run) =>
  Array.from({ length: 16 }, (_, bits) => [run, ...[8, 4, 2, 1].map((bit) => ((bits & bit) === 0 ? "–" : "set"))]),
);

function columnsOf([run = "–", ...rest]: readonly string[]): Columns {
  const [hitl, outcome, pause, waited] = rest.map((cell) => cell === "set");
  return {
    run: RUNS_OF[run] ?? null,
    hitl: hitl === true ? SET.hitl : null,
    outcome: outcome === true ? SET.outcome : null,
    pause: pause === true ? SET.pause : null,
    waited: waited === true ? SET.waited : null,
  };
}

const isRow = (cells: readonly string[], combination: readonly string[]) =>
  cells.every((cell, index) => cell === "*" || cell === combination[index]);
const fits = (cells: readonly string[], combination: readonly string[]) =>
  cells.every((cell, index) => cell === "*" || cell === "–" || cell === combination[index]);

describe("A combination of schema 1", () => {
  const listed = COMBINATIONS.filter((combination) => ROWS.some(({ cells }) => isRow(cells, combination)));
  const others = COMBINATIONS.filter((combination) => !listed.includes(combination));

  it("stands in the table in one row at most, and each row has some", () => {
    const countOf = (cells: readonly string[]) => COMBINATIONS.filter((each) => isRow(cells, each)).length;

    expect(ROWS.map(({ cells }) => countOf(cells))).toEqual([1, 1, 1, 1, 8, 8, 8, 1, 1, 1, 1]);
    expect([listed.length, others.length]).toEqual([32, 48]);
  });

  it.each(listed)("is read by its row, and keeps everything: %s %s %s %s %s", (...combination) => {
    const columns = columnsOf(combination);
    const { way, isListed, leftOut } = wayOfColumns(columns);

    expect(way.is).toBe(ROWS.find(({ cells }) => isRow(cells, combination))?.is);
    expect([isListed, leftOut]).toEqual([true, {}]);
    expect(columnsIn({ way })).toEqual(columns);
  });

  it.each(others)(
    "that is not listed is read by the first row that fits, and says so: %s %s %s %s %s",
    (...combination) => {
      const columns = columnsOf(combination);
      const { way, isListed, leftOut } = wayOfColumns(columns);

      expect(way.is).toBe(ROWS.find(({ cells }) => fits(cells, combination))?.is);
      expect(isListed).toBe(false);
      expect(questionOf({ way })).toEqual(columns.hitl);
      // What the way has and what is left out are all that there was.
      expect({ ...columnsIn({ way }), ...leftOut }).toEqual(columns);
    },
  );
});

function columnsIn(entry: Pick<IssueState, "way">): Columns {
  return {
    run: runOf(entry),
    hitl: questionOf(entry),
    outcome: outcomeOf(entry),
    pause: pauseOf(entry),
    waited: waitedOf(entry),
  };
}
