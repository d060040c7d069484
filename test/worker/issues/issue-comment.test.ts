import { describe, expect, it } from "vitest";

import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { COMMENT_CHARACTERS_MAX, commentOnce, withMarker } from "../../../src/worker/issues/issue-comment.ts";
import { Journal } from "../../../src/worker/state/journal.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { unreachable } from "../../support/memory-fault.ts";
import { MemoryGitHub } from "../../support/memory-github.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
const KEY = "1.1/comment/plan";

async function commentAgainAfterLostAnswer(prepare: (world: MemoryGitHub) => void): Promise<MemoryGitHub> {
  await using directory = await makeTemporaryDirectory();
  await using journal = await Journal.open(directory.file("journal.jsonl"), new ManualClock());
  const world = new MemoryGitHub();
  world.addIssue();
  const client = world.connect();
  client.inject({ at: 1, when: "before", how: unreachable() });
  await postPlan(client, journal);
  prepare(world);
  await postPlan(client, journal);
  return world;
}

function postPlan(github: GitHub, journal: Journal) {
  return commentOnce({ github, journal, number: 1, key: KEY, run: "run-1", body: "The plan." }, signal);
}

describe("a comment that stands once", () => {
  it("is not taken for the comment of a stranger who copied its marker", async () => {
    const world = await commentAgainAfterLostAnswer((before) =>
      before.addComment(1, "mallory", withMarker("Forged.", KEY)),
    );

    expect(world.effects("createComment", 1)).toHaveLength(1);
  });

  it("is not taken for a comment of ours that quotes its marker", async () => {
    const world = await commentAgainAfterLostAnswer((before) =>
      before.addComment(1, "hydraflow-bot", `${withMarker("quoted", KEY)}\n\nand more`),
    );

    expect(world.effects("createComment", 1)).toHaveLength(1);
  });

  it("is found again when GitHub gives its text back with other white space at the end", async () => {
    const world = await commentAgainAfterLostAnswer((before) =>
      before.addComment(1, "hydraflow-bot", `${withMarker("The plan.", KEY)}\r\n`),
    );

    expect(world.effects("createComment", 1)).toHaveLength(0);
  });

  it("is cut to GitHub's limit and keeps its marker", () => {
    const body = withMarker("ä".repeat(100_000), KEY);

    expect(body.length).toBeLessThanOrEqual(COMMENT_CHARACTERS_MAX);
    expect(body.endsWith(`<!-- hydraflow:${KEY} -->`)).toBe(true);
    expect(body).toContain("over GitHub's limit");
  });

  it("is never cut through a character, and closes the code that it is cut in", () => {
    const emoji = withMarker(`x${"😀".repeat(50_000)}`, KEY);
    const code = withMarker(`\`\`\`\n${"a line\n".repeat(10_000)}`, KEY);

    expect(emoji.isWellFormed()).toBe(true);
    expect(emoji.length).toBeLessThanOrEqual(COMMENT_CHARACTERS_MAX);
    expect(code).toContain("a line\n```\n\n…");
  });
});
