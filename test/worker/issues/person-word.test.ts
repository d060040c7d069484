// Shows which comments are commands.

import { describe, expect, it } from "vitest";

import { commandOf } from "../../../src/worker/issues/person-word.ts";

describe("A person's comment", () => {
  it.each([
    ["approve", "approve"],
    ["Approved.", "approve"],
    ["  APPROVE!\r\n", "approve"],
    ["> Answer `approve` to let it be merged\n\napprove", "approve"],
    ["skip", "skip"],
    ["Close.", "close"],
  ])("%j is a command", (comment, command) => {
    expect(commandOf(comment)).toBe(command);
  });

  it.each([
    "> approve\r\n\r\nNo. This workflow must not be merged.",
    "> approve",
    "Approve? No, look at line 3 first.",
    "Approved only if you drop the second job",
    "Approved? Certainly not.",
    "- [ ] approve",
    "**approve** is the wrong word",
    "approve?",
    "approve …",
    "approve\n\nbut drop the second job",
    "Approve, that is what I wanted.",
    "not\napprove",
    "`approve`",
    "close the door behind you",
    "Don't skip",
    "constructor",
    `${" ".repeat(2_000)}approve`,
    "",
  ])("%j is talk", (comment) => {
    expect(commandOf(comment)).toBeNull();
  });
});
