import { expect, it } from "vitest";

import { parseWorktreeList } from "../../../../src/worker/git/worktrees/worktree-list.ts";

const SHA = "1".repeat(40);

it("reads branches, detached heads, half-made and vanished worktrees, with any character in a path", () => {
  const output = [
    `worktree /srv/web\0HEAD ${SHA}\0branch refs/heads/main\0`,
    `worktree /srv/line\nbreak and space\0HEAD ${SHA}\0detached\0prunable gitdir file points to non-existent location\0`,
    `worktree /srv/issue-7\0HEAD ${"0".repeat(40)}\0branch refs/heads/agent/issue-7\0locked initializing\0`,
    "worktree /srv/bare\0bare\0",
    "",
  ].join("\0");

  expect(parseWorktreeList(output)).toEqual([
    { path: "/srv/web", head: SHA, branch: "main", isHalfMade: false, isPrunable: false },
    { path: "/srv/line\nbreak and space", head: SHA, branch: null, isHalfMade: false, isPrunable: true },
    { path: "/srv/issue-7", head: null, branch: "agent/issue-7", isHalfMade: true, isPrunable: false },
    { path: "/srv/bare", head: null, branch: null, isHalfMade: false, isPrunable: false },
  ]);
});
