// What strangers may write below an issue, as much of it as GitHub takes: none of it may hold the worker's loop.

import { describe, expect, it } from "vitest";

import { ok } from "../../src/core/base/result.ts";
import { parseClaim } from "../../src/worker/claims/claim-comment.ts";
import type { Comment } from "../../src/worker/github/port/github.ts";
import { isMarked } from "../../src/worker/issues/issue-comment.ts";
import { findAnswer, isStanding } from "../../src/worker/issues/hitl-answer.ts";
import { cpuMs } from "../support/cpu-time.ts";

const CHARACTERS = 65_535;
const COMMENTS = 30;
const CPU_MS_MAX = 1_000;
const NEVER = new AbortController().signal;
const AT = "2026-11-29T12:00:00Z";

const PARTS = [
  "<!-- hydraflow:",
  "<!-- hydraflow:claim {",
  " ",
  "\n",
  "> approve\n",
  "-->",
  "`",
  "approve ",
  "[",
  "\u00a0",
];

function commentsOf(part: string): Comment[] {
  const body = part.repeat(Math.ceil(CHARACTERS / part.length)).slice(0, CHARACTERS);
  return Array.from({ length: COMMENTS }, (_, index) => ({
    id: index + 10,
    author: `stranger-${index}`,
    body,
    createdAt: AT,
    updatedAt: AT,
  }));
}

/** All that a look at the comments of one issue does with them. */
async function look(comments: readonly Comment[]): Promise<void> {
  const github = { mayWrite: () => Promise.resolve(ok(true)) };
  await findAnswer(github, comments, { commentId: 1, askedAt: AT }, NEVER);
  await isStanding(github, comments, { commentId: 10, lastSeen: 10, at: AT }, NEVER);
  for (const comment of comments) {
    parseClaim(comment);
    isMarked(comment.body, "1.1/comment/question-review-1");
  }
}

describe("30 comments of strangers, as long as GitHub allows", () => {
  it.each(PARTS)("of nothing but %j are looked at in less than a second of work", async (part) => {
    const comments = commentsOf(part);
    const tries: number[] = [];
    for (let index = 0; index < 3; index += 1) {
      const before = cpuMs();
      await look(comments);
      tries.push(cpuMs() - before);
    }

    expect(Math.min(...tries)).toBeLessThan(CPU_MS_MAX);
  });

  it("would hold it for longer with an expression that begins again at each marker", () => {
    const [comment] = commentsOf("<!-- hydraflow:");
    const slow = new RegExp("<!-- hydraflow:[^>]*-->\\s*$");
    const before = cpuMs();
    slow.test(comment?.body ?? "");

    expect((cpuMs() - before) * COMMENTS).toBeGreaterThan(CPU_MS_MAX);
  });
});
