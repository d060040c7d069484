import { describe, expect, it } from "vitest";

import { classifyGitOutput, gitFailure } from "../../../src/worker/git/git-failure.ts";

describe("classifyGitOutput", () => {
  it.each([
    ["error: could not lock config file .git/config: File exists", "locked"],
    ["fatal: Unable to create '/x/.git/index.lock': File exists.", "locked"],
    ["error: cannot lock ref 'refs/remotes/origin/main': Unable to create '/x/main.lock': File exists", "locked"],
    ["error: cannot lock ref 'refs/heads/a': is at 1111 but expected 2222", "conflict"],
    [" ! [rejected]        1111 -> agent/issue-7 (stale info)", "rejected"],
    [" ! [remote rejected] main -> main (cannot lock ref 'refs/heads/main')", "rejected"],
    ["fatal: Authentication failed for 'https://github.com/acme/web.git/'", "auth"],
    ["fatal: could not read Username for 'https://github.com': terminal prompts disabled", "auth"],
    ["fatal: unable to access 'https://github.com/a/b.git/': The requested URL returned error: 403", "auth"],
    ["remote: Repository not found. fatal: repository 'https://github.com/a/b.git/' not found", "not-found"],
    ["fatal: couldn't find remote ref refs/heads/x", "not-found"],
    ["fatal: unable to access 'https://github.com/a/b.git/': Could not resolve host: github.com", "network"],
    ["fatal: unable to access 'https://github.com/a/b.git/': The requested URL returned error: 503", "network"],
    ["fatal: the remote end hung up unexpectedly", "network"],
    ["CONFLICT (content): Merge conflict in README.md Automatic merge failed", "conflict"],
    ["fatal: something nobody has seen", "failed"],
  ])("reads '%s' as %s", (output, kind) => {
    expect(classifyGitOutput(output)).toBe(kind);
  });

  it("calls locks and the network retryable, and nothing else", () => {
    const kinds = [
      "locked",
      "auth",
      "network",
      "conflict",
      "not-found",
      "rejected",
      "config-changed",
      "failed",
    ] as const;

    expect(kinds.filter((kind) => gitFailure(kind, "").retryable)).toEqual(["locked", "network"]);
  });
});
