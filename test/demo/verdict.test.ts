import { expect, test } from "vitest";

import { ROBOT } from "../../src/demo/demo-world.ts";
import { countDuplicates } from "../../src/demo/verdict.ts";
import type { LedgerEntry } from "../../src/forge/store/ledger.ts";

const CASES: readonly [what: string, kind: string, detail: Record<string, unknown>][] = [
  ["a pull request of one branch", "pull.created", { head: "agent/issue-1" }],
  ["a merge", "pull.merged", {}],
  ["a closing", "issue.closed", {}],
  ["a comment with one marker", "comment.created", { body: "text <!-- hydraflow:1.1/comment/plan -->" }],
  ["a review of one commit", "review.created", { body: "text", commit: "abc" }],
];

test.each(CASES)("%s that happens twice is a duplicate", (_what, kind, detail) => {
  expect(countDuplicates([entry(kind, detail)])).toBe(0);
  expect(countDuplicates([entry(kind, detail), entry(kind, detail)])).toBe(1);
  expect(countDuplicates([entry(kind, detail), entry(kind, detail), entry(kind, detail)])).toBe(2);
});

test("what other people do, and other comments, are no duplicates", () => {
  const comment = entry("comment.created", { body: "same" });
  const other = { ...comment, actor: "operator" };
  const elsewhere = { ...comment, repo: "acme/api" };

  expect(
    countDuplicates([
      comment,
      other,
      other,
      elsewhere,
      entry("comment.created", { body: "different" }),
      entry("label.added", {}),
      entry("label.added", {}),
    ]),
  ).toBe(0);
});

function entry(kind: string, detail: Record<string, unknown>): LedgerEntry {
  return {
    seq: 1,
    at: "2026-01-01T00:00:00.000Z",
    actor: ROBOT,
    method: "POST",
    path: "/",
    repo: "acme/web",
    kind,
    number: 1,
    detail,
  };
}
