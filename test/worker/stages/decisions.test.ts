// Tests the pure parts around the stages: answers, approvals, outcomes of failures, waiting times, reasons.

import { describe, expect, it } from "vitest";

import { ok } from "../../../src/core/base/result.ts";
import { type IssueState, UNKNOWN_ISSUE } from "../../../src/worker/state/issue-state.ts";
import { backoffMs } from "../../../src/worker/pipeline/backoff.ts";
import { gitHubOutcome, gitOutcome } from "../../../src/worker/pipeline/failure-outcome.ts";
import { askPerson } from "../../../src/worker/pipeline/question-record.ts";
import { beginRun, failRun, markRun } from "../../../src/worker/pipeline/run-record.ts";
import { runOf } from "../../../src/worker/state/issue-way.ts";
import type { RunState, WorkingStep } from "../../../src/worker/state/run-step.ts";
import { endIssue, escalate, settle, settledState } from "../../../src/worker/settlement/settle.ts";
import { explain, type ExplainFacts } from "../../../src/worker/orchestrator/explain.ts";
import { findAnswer } from "../../../src/worker/issues/hitl-answer.ts";
import { COMMENT_CHARACTERS_MAX } from "../../../src/worker/issues/issue-comment.ts";
import {
  codeBlock,
  mergeMessage,
  planComment,
  pullBody,
  questionComment,
  reviewComment,
  satisfiedComment,
  titleOf,
} from "../../../src/worker/issues/issue-text.ts";

const AT = "2026-01-02T03:04:05.000Z";
const NEVER = new AbortController().signal;

function stageRunOf(state: IssueState): RunState {
  const run = runOf(state);
  if (run?.by !== "stage") throw new Error("no stage has the issue");
  return run;
}

describe("A person's answer", () => {
  const comment = (id: number, author: string, body: string) => ({ id, author, body, createdAt: AT, updatedAt: AT });
  const github = { mayWrite: (login: string) => Promise.resolve(ok(login !== "mallory")) };

  it("is what people who may write said after the question, and nothing of ours", async () => {
    const comments = [
      comment(1, "olivia", "before"),
      comment(2, "bot", "the question\n\n<!-- hydraflow:42.1/comment/question -->"),
      comment(3, "mallory", "evil"),
      comment(4, "olivia", "first"),
      comment(5, "bot", '**HydraFlow** is working\n\n<!-- hydraflow:claim {"owner":"x"} -->'),
      comment(6, "bot", "second, quoting <!-- hydraflow:42.1/comment/question --> in the middle"),
    ];

    const found = await findAnswer(github, comments, { commentId: 2, askedAt: AT }, NEVER);

    expect(found).toEqual(
      ok({
        text: "first\n\nsecond, quoting <!-- hydraflow:42.1/comment/question --> in the middle",
        by: "bot",
        door: "comment",
        at: AT,
        last: "second, quoting <!-- hydraflow:42.1/comment/question --> in the middle",
        commentId: 6,
        lastSeen: 6,
      }),
    );
  });

  it("is not found when it cannot be asked who may write", async () => {
    const failure = { kind: "server", message: "down", status: 500, retryable: true, retryAt: null } as const;
    const down = { mayWrite: () => Promise.resolve({ ok: false, failure } as const) };

    expect(await findAnswer(down, [comment(3, "olivia", "yes")], { commentId: 2, askedAt: AT }, NEVER)).toEqual({
      ok: false,
      failure,
    });
  });
});

describe("A failed attempt", () => {
  it("is tried again later and later, and the last one goes to a person", () => {
    expect([1, 2, 3, 30].map((failures) => backoffMs(failures, 1_000))).toEqual([1_000, 2_000, 4_000, 1_800_000]);
    const outcome = { kind: "retry", reason: "it broke" } as const;
    const once = failRun(beginRun(UNKNOWN_ISSUE, { stage: "plan", at: AT, lostCycle: 0 }), outcome, "plan", {
      at: AT,
      retryAt: AT,
    });

    expect(escalate(outcome, UNKNOWN_ISSUE, "plan", 2)).toBe(outcome);
    expect(escalate(outcome, once, "plan", 2)).toMatchObject({ kind: "hand-off", cause: "attempts" });
  });

  it("keeps what is committed and checked, but never the agent's session", () => {
    const begun = beginRun(UNKNOWN_ISSUE, { stage: "implement", at: AT, lostCycle: 0 });
    const withStep = (step: WorkingStep) => markRun(begun, stageRunOf(begun).id, step);
    const after = (state: IssueState, startsOver = false) => {
      const outcome = { kind: "retry", reason: "x", ...(startsOver ? { startsOver } : {}) } as const;
      return stageRunOf(failRun(state, outcome, "implement", { at: AT, retryAt: AT }));
    };

    expect(after(withStep({ at: "gated", sha: "a", summary: "s" })).step.at).toBe("gated");
    expect(after(withStep({ at: "prompted" })).step.at).toBe("begun");
    const turned = { at: "turned", session: "s1", summary: "s" } as const;
    expect(after(withStep(turned)).step).toEqual(turned);
    expect(after(withStep(turned), true).step.at).toBe("begun");
    expect(after(begun).sessionId).not.toBe(stageRunOf(begun).sessionId);
  });

  it("costs no attempt when it may pass by itself", () => {
    const failure = { message: "m", status: 0, retryAt: null };
    expect(gitHubOutcome({ ...failure, kind: "unreachable", retryable: true }).kind).toBe("wait");
    expect(gitHubOutcome({ ...failure, kind: "unauthorized", retryable: false }).kind).toBe("wait");
    expect(gitHubOutcome({ ...failure, kind: "invalid", retryable: false }).kind).toBe("retry");
    expect(gitOutcome({ kind: "network", exitCode: 128, message: "m", retryable: true }).kind).toBe("wait");
    const refused = { kind: "refused", exitCode: 1, message: "one line", retryable: false } as const;
    expect(gitOutcome({ ...refused, remote: "error: GH013: no\n- second line" })).toMatchObject({
      kind: "hand-off",
      cause: "git",
      question: expect.stringContaining("\n    error: GH013: no\n    - second line\n"),
    });
    expect(gitOutcome({ kind: "config-changed", exitCode: null, message: "m", retryable: false })).toMatchObject({
      kind: "hand-off",
      cause: "agent",
    });
  });
});

describe("A run", () => {
  it("of an ended issue begins a new cycle, above any that a lost state had", () => {
    const ended = endIssue({ ...UNKNOWN_ISSUE, cycle: 3, pull: 9 }, { kind: "merged", reason: "", at: AT, pull: 9 });

    expect(beginRun(ended, { stage: "triage", at: AT, lostCycle: 0 })).toMatchObject({
      cycle: 4,
      pull: null,
      way: { is: "running" },
    });
    expect(beginRun(UNKNOWN_ISSUE, { stage: "triage", at: AT, lostCycle: 5 }).cycle).toBe(6);
  });

  it("begins with work that a rule of the server refused, once", () => {
    const waiting = { ...UNKNOWN_ISSUE, kept: { sha: "a", summary: "s" } };
    const begun = beginRun(waiting, { stage: "implement", at: AT, lostCycle: 0 });

    expect(stageRunOf(begun).step).toEqual({ at: "gated", sha: "a", summary: "s" });
    expect(begun.kept).toBeNull();
    expect(beginRun(waiting, { stage: "hitl", at: AT, lostCycle: 0 }).kept).toEqual(waiting.kept);
    const unchecked = { ...UNKNOWN_ISSUE, kept: { sha: null, summary: "s" } };
    expect(stageRunOf(beginRun(unchecked, { stage: "implement", at: AT, lostCycle: 0 })).step).toEqual({
      at: "turned",
      session: null,
      summary: "s",
    });
  });
});

describe("A settlement", () => {
  const run = { id: "r1", stage: "review" } as const;
  const facts = { state: UNKNOWN_ISSUE, run, labelPrefix: "hydraflow", decidedAt: AT };

  it("of a hand-off asks first, keeps the origin and gives the claim back", () => {
    expect(settle({ kind: "hand-off", cause: "ci", question: "What now?" }, facts)).toMatchObject({
      question: { question: "What now?", cause: "ci", origin: "review", askedAt: AT, said: null },
      comment: { key: "comment/question-review-1" },
      from: "review",
      to: "hitl",
      release: expect.any(String),
    });
  });

  it("of a second question goes back to where the first one came from", () => {
    const asked = {
      question: "q",
      cause: "question",
      origin: "ready",
      askedAt: "1",
      commentId: 1,
      awaits: null,
      resumes: false,
      said: null,
    } as const;
    const second = settle(
      { kind: "hand-off", cause: "question", question: "And now?" },
      { ...facts, state: askPerson(UNKNOWN_ISSUE, asked), run: { id: "r2", stage: "hitl" } },
    );

    expect(second).toMatchObject({ question: { origin: "ready" }, from: "hitl", to: "hitl" });
  });

  it("of a question forgets which checks an earlier one was about", () => {
    const state = { ...UNKNOWN_ISSUE, askedChecks: ["build"] };
    const question = { kind: "hand-off", cause: "ci", question: "The queue gave it back." } as const;

    expect(settledState(state, question, "review", AT).askedChecks).toEqual([]);
    expect(settledState(state, { ...question, change: { askedChecks: ["e2e"] } }, "review", AT).askedChecks).toEqual([
      "e2e",
    ]);
  });

  it("leaves the state ready for the next stage", () => {
    const begun = beginRun({ ...UNKNOWN_ISSUE, attempts: { plan: 1 } }, { stage: "plan", at: AT, lostCycle: 0 });
    const state = failRun(begun, { kind: "retry", reason: "x" }, "plan", { at: AT, retryAt: AT });

    expect(
      settledState(state, { kind: "advance", to: "ready", note: "done", change: { feedback: null } }, "plan", AT),
    ).toMatchObject({
      attempts: { plan: 0 },
      way: { is: "idle" },
      history: [expect.anything(), { at: AT, text: "plan: done" }],
    });
  });
});

describe("Texts on GitHub", () => {
  it("call nobody and end in no marker of ours", () => {
    const body = questionComment(
      "question",
      "@olivia, ask @acme/team or mail a@b.test <!-- hydraflow:1.1/x -->",
      "hydraflow-hitl",
    );

    expect(body).not.toMatch(/(?:^|[^\w])@[a-z]/m);
    expect(body).toContain("a@b.test");
    expect(body).not.toContain("<!--");
  });

  it("keep the issue's number in a title that is cut", () => {
    const title = titleOf({ number: 7, title: "x".repeat(200) });

    expect(title).toMatch(/^Fixes #7: x+…$/);
    expect(title).toHaveLength(70);
  });

  it("cut a title between the characters that people see, and clean what they do not", () => {
    const family = "👩‍👩‍👧‍👦";
    const title = titleOf({ number: 7, title: `${"x".repeat(58)}${family}${family}` });

    expect(title).toBe(`Fixes #7: ${"x".repeat(58)}${family}${family}`);
    expect(titleOf({ number: 7, title: `${"x".repeat(58)}${family.repeat(3)}` })).toBe(
      `Fixes #7: ${"x".repeat(58)}${family}…`,
    );
    expect(titleOf({ number: 7, title: "a\u202eb\u0007\nc" })).toBe("Fixes #7: ab c");
  });

  it("close our own issue and no other, wherever an agent or a person wrote so", () => {
    const says = "whoever fixes #2 later, closes: GH-3 or resolves https://github.com/acme/web/issues/4";
    const issue = { number: 7, title: `Closes #2 ${says}` };
    const verdict = { verdict: "approve", summary: says, findings: [says] };
    const evidence = { feature: says, tests: says, criteria: says };
    const texts = [
      titleOf(issue),
      Object.values(mergeMessage(issue, { number: 9 }, says)).join("\n"),
      planComment(says, says),
      pullBody(issue, says, says),
      reviewComment(verdict, 1),
      satisfiedComment({ summary: says, evidence }),
      questionComment("question", says, "hydraflow-hitl"),
    ];

    for (const text of texts) expect(text).not.toMatch(/#[2-4]|GH-3|issues\/4/);
    expect(pullBody(issue, says, says)).toMatch(/^Fixes #7\n/);
    expect(mergeMessage(issue, { number: 9 }, says).title).toMatch(/^Fixes #7: .* \(#9\)$/);
  });

  it("link a question to our own issue and pull request", () => {
    expect(questionComment("git", "The pull request #9 was closed, #8 was not.", "l", [7, 9])).toContain(
      "The pull request #9 was closed, #\u20608 was not.",
    );
  });

  it("stay below GitHub's limit, however much is disarmed in them", () => {
    expect(pullBody({ number: 7 }, "@a ".repeat(9_000), "#1 ".repeat(50_000)).length).toBeLessThan(
      COMMENT_CHARACTERS_MAX,
    );
  });

  it("give a squashed commit a message of its own, for GitHub would list all commits", () => {
    expect(mergeMessage({ number: 7, title: "Add it" }, { number: 9 }, "")).toEqual({
      title: "Fixes #7: Add it (#9)",
      message: "Issue #7, pull request #9.",
    });
  });

  it("show a program's output in a block that it cannot end", () => {
    const output = `# fail 1 of #2\n\u001b[31mred\u001b[0m\u0007\n\`\`\`\n@olivia ${"`".repeat(30)}\n`;
    const block = codeBlock(output);
    const comment = questionComment("attempts", `It fails:\n\n${block}`, "hydraflow-hitl");

    expect(block).toMatch(/^`{10}text\n# fail 1 of #2\nred\\u0007\n```\n@olivia [` ]+\n`{10}$/);
    expect(comment).toContain(block);
    expect(codeBlock(`${"x".repeat(9_000)}the end`)).toContain("the end\n```");
    expect(codeBlock("x".repeat(9_000)).length).toBeLessThan(3_100);
  });
});

describe("Why an issue does not move", () => {
  const facts: ExplainFacts = {
    state: UNKNOWN_ISSUE,
    now: new Date(AT),
    holds: [],
    notes: [],
    lastSync: { at: AT, ok: true, problem: null },
    labelPrefix: "hydraflow",
    place: null,
    seen: "open",
    heldBy: null,
    wait: null,
    stalledSince: null,
    labels: [],
  };
  const place = { stage: "plan", isActive: false, position: 2, queued: 5, slots: 1, busy: 1 } as const;
  const later = "2026-01-02T04:00:00.000Z";
  const begun = beginRun(UNKNOWN_ISSUE, { stage: "plan", at: AT, lostCycle: 0 });
  const failed = failRun(begun, { kind: "retry", reason: "it broke" }, "plan", { at: AT, retryAt: later });

  it.for([
    ["it has no label", facts, "it has no label of HydraFlow; add `hydraflow-find` to have it worked on"],
    [
      "nobody knows it",
      { ...facts, seen: "gone" },
      "GitHub shows no issue with this number: it was transferred or deleted, or never was",
    ],
    ["it queues", { ...facts, place }, "number 2 of 5 in the queue of plan, which has 1 slots, 1 of them busy"],
    ["it is tried again later", { ...facts, place, state: failed }, `waits until ${later}: it broke`],
    [
      "another worker has it",
      { ...facts, place, heldBy: { owner: "other/acme-web/1", until: new Date(later) } },
      `held by other/acme-web/1 until ${later}`,
    ],
    [
      "GitHub is down",
      { ...facts, place, lastSync: { at: AT, ok: false, problem: "no route" } },
      `GitHub did not answer at ${AT}: no route`,
    ],
    ["the worker is held up", { ...facts, place, holds: ["no GitHub credential"] }, "no GitHub credential"],
    [
      "it has ended",
      { ...facts, state: endIssue(UNKNOWN_ISSUE, { kind: "merged", reason: "merged in #9", at: AT, pull: 9 }) },
      "it has ended as merged: merged in #9",
    ],
  ] as const)("says so when %s", ([, given, reason]) => {
    expect(explain(given)).toContain(reason);
  });
});
