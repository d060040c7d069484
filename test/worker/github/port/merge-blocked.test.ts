import { describe, expect, it } from "vitest";

import { gitHubFailure } from "../../../../src/worker/github/port/github-failure.ts";
import { MERGE_REFUSALS, mergeBlockedOf } from "../../../../src/worker/github/port/merge-blocked.ts";

const failed = (status: number, message: string) => gitHubFailure({ status, headers: {}, message }, new Date());
const reasonOf = (status: number, message: string) => mergeBlockedOf(failed(status, message))?.reason ?? null;

describe("mergeBlockedOf", () => {
  it.each(MERGE_REFUSALS)("reads $reason out of: $example", ({ reason, example }) => {
    expect(reasonOf(405, example)).toBe(reason);
    expect(reasonOf(405, `Repository rule violations found\n\n${example}\n\n`)).toBe(reason);
  });

  it.each([
    ["Merge commits are not allowed on this repository.", "method"],
    ["Rebase merges are not allowed on this repository.", "method"],
    ["At least 2 approving reviews are required by reviewers with write access.", "review"],
    ["Waiting on code owner review from acme/owners.", "review"],
    ["New changes require approval from someone other than the last pusher.", "review"],
    ["Changes have been requested.", "review"],
    ["All comments must be resolved.", "review"],
    ["2 of 3 required status checks are expected.", "checks"],
    ['Required status check "e2e" is failing.', "checks"],
    ["Required status checks must pass before merging.", "checks"],
    ["Code scanning is waiting for results from CodeQL for the commit abc.", "checks"],
    ["Missing successful active staging deployment.", "checks"],
    ["This branch is out-of-date with the base branch", "behind"],
    ["Head branch is not up to date with the base branch", "behind"],
    ["Changes must be made through the merge queue", "queue"],
    ["not mergeable: the merge commit cannot be cleanly created", "conflict"],
    ["Repository rule violations found", "other"],
    ["You're not authorized to push to this branch.", "other"],
  ])("takes %s for %s", (message, reason) => {
    expect(reasonOf(405, message)).toBe(reason);
  });

  it("names what it can mend before what needs a person, where a ruleset says several things", () => {
    const several = (...lines: string[]) => reasonOf(405, ["Repository rule violations found", ...lines].join("\n\n"));

    expect(several('Required status check "e2e" is expected.', "At least 1 approving review is required.")).toBe(
      "review",
    );
    expect(several("At least 1 approving review is required.", "Changes must be made through the merge queue")).toBe(
      "queue",
    );
  });

  it("is no refusal of the merge where the head or the base has moved, or the credential lacks the right", () => {
    expect(mergeBlockedOf(failed(409, "Head branch was modified. Review and try the merge again."))).toBeNull();
    expect(mergeBlockedOf(failed(405, "Base branch was modified. Review and try the merge again."))).toBeNull();
    expect(mergeBlockedOf(failed(403, "Resource not accessible by integration"))).toBeNull();
    expect(mergeBlockedOf(failed(404, "Not Found"))).toBeNull();
    expect(mergeBlockedOf(failed(500, "At least 1 approving review is required"))).toBeNull();
  });

  it("keeps GitHub's own words", () => {
    expect(mergeBlockedOf(failed(405, "Squash merges are not allowed on this repository."))).toEqual({
      kind: "merge-blocked",
      reason: "method",
      message: "Squash merges are not allowed on this repository.",
      status: 405,
      retryable: false,
      retryAt: null,
    });
  });
});
