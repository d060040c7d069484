import { describe, expect, it } from "vitest";

import {
  classifyGitOutput,
  gitFailure,
  isTrouble,
  remoteWords,
} from "../../../../src/worker/git/command/git-failure.ts";

describe("classifyGitOutput", () => {
  it.each([
    ["remote: fatal: write error\nfatal: cannot pread pack file: No space left on device", "short"],
    ["error: file write error: No space left on device\nremote: done", "short"],
    ["remote: counting\nremote: fatal: No space left on device\nfatal: the remote end hung up", "network"],
    ["error: remote unpack failed: No space left on device\n ! [remote rejected] a -> a (unpacker error)", "rejected"],
    ["error: could not lock config file .git/config: File exists", "locked"],
    ["fatal: Unable to create '/x/.git/index.lock': File exists.", "locked"],
    ["error: cannot lock ref 'refs/remotes/origin/main': Unable to create '/x/main.lock': File exists", "locked"],
    ["fatal: update_ref failed for ref 'refs/heads/x': cannot lock references", "locked"],
    ["fatal: Unable to create '/x/.git/index.lock': Permission denied", "failed"],
    ["error: could not lock config file .git/config: Read-only file system", "failed"],
    ["error: cannot lock ref 'refs/heads/a': is at 1111 but expected 2222", "conflict"],
    [" ! [rejected]        1111 -> agent/issue-7 (stale info)", "rejected"],
    [" ! [remote rejected] main -> main (cannot lock ref 'refs/heads/main')", "rejected"],
    [" ! [remote rejected] agent/issue-1 -> agent/issue-1 (pre-receive hook declined)", "refused"],
    [" ! [remote rejected] a -> a (push declined due to repository rule violations)", "refused"],
    ["remote: error: GH006: Protected branch update failed for refs/heads/main.", "refused"],
    ["remote: error: GH001: Large files detected. ! [remote rejected] a -> a (pre-receive hook declined)", "refused"],
    ["remote: error: GH009: Secrets detected! ! [remote rejected] a -> a (push declined)", "refused"],
    [
      " ! [remote rejected] a -> a (refusing to allow an OAuth App to create or update workflow `.github/workflows/ci.yml` without `workflow` scope)",
      "refused",
    ],
    [" ! [remote rejected] a -> a (refusing to allow a Personal Access Token to create or update workflow)", "refused"],
    ["error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413", "refused"],
    ["remote: fatal: pack exceeds maximum allowed size (2.00 GiB)", "refused"],
    [" ! [rejected] a -> a (non-fast-forward)", "rejected"],
    [" ! [rejected] a -> a (fetch first)", "rejected"],
    [" ! [remote rejected] a -> a (Internal Server Error)", "network"],
    [
      "fatal: cannot lock ref 'refs/heads/agent/issue-1': 'refs/heads/agent' exists; cannot create 'refs/heads/agent/issue-1'",
      "conflict",
    ],
    [
      " ! [remote rejected] a/b -> a/b (cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b')",
      "conflict",
    ],
    ["fatal: Authentication failed for 'https://github.com/acme/web.git/'", "auth"],
    ["fatal: could not read Username for 'https://github.com': terminal prompts disabled", "auth"],
    ["fatal: unable to access 'https://github.com/a/b.git/': The requested URL returned error: 403", "auth"],
    ["remote: Repository not found. fatal: repository 'https://github.com/a/b.git/' not found", "not-found"],
    ["fatal: couldn't find remote ref refs/heads/x", "not-found"],
    ["fatal: unable to access 'https://github.com/a/b.git/': Could not resolve host: github.com", "network"],
    ["fatal: unable to access 'https://github.com/a/b.git/': The requested URL returned error: 503", "network"],
    ["fatal: the remote end hung up unexpectedly", "network"],
    ["CONFLICT (content): Merge conflict in README.md Automatic merge failed", "conflict"],
    ["fatal: sha1 file '.git/objects/ab' write error. Out of memory, malloc failed", "short"],
    ["error: unable to create file src/a.txt: No space left on device", "short"],
    ["fatal: Unable to create '/x/.git/index.lock': Disk quota exceeded", "short"],
    ["error: cannot fork to run index-pack: Resource temporarily unavailable", "short"],
    ['error: open("a"): Too many open files', "short"],
    ["remote: fatal: write error: No space left on device\n ! [remote rejected] a -> a (unpacker error)", "rejected"],
    ["batch response: Git credentials for http://127.0.0.1/acme/web.git/info/lfs not found.", "auth"],
    ["LFS: Authorization error: https://x/y Check that you have proper access to the repository", "auth"],
    ["batch response: Fatal error: Unable to parse HTTP response for POST https://x/objects/batch: EOF", "network"],
    ["Fatal error: Server error https://x/objects/1 from HTTP 502", "network"],
    ["batch response: Rate limit exceeded: https://x/objects/batch", "network"],
    ['batch response: Post "https://x/objects/batch": dial tcp: lookup x on 1.1.1.1:53: no such host', "network"],
    ['batch response: Post "https://x/objects/batch": net/http: TLS handshake timeout', "network"],
    ['batch response: Post "https://x/objects/batch": EOF', "network"],
    ["batch response: This repository exceeded its LFS budget. The account should increase it", "large-files"],
    ["batch response: This repository is over its data quota.", "large-files"],
    ["[2d71] Object does not exist on the server: [404] Object does not exist on the server", "large-files"],
    ["LFS: Repository or object not found: https://x/obj/y Check that it exists", "large-files"],
    ["git: 'lfs' is not a git command. See 'git --help'.", "large-files"],
    ["Unable to find source for object 2d71 (try running `git lfs fetch --all`)", "failed"],
    ["fatal: something nobody has seen", "failed"],
  ])("reads '%s' as %s", (output, kind) => {
    expect(classifyGitOutput(output)).toBe(kind);
  });

  it("calls locks, the network, a shortage and large files that cannot be had retryable, and nothing else", () => {
    const kinds = [
      "locked",
      "auth",
      "network",
      "short",
      "large-files",
      "conflict",
      "not-found",
      "rejected",
      "refused",
      "config-changed",
      "failed",
    ] as const;

    expect(kinds.filter((kind) => gitFailure(kind, "").retryable)).toEqual([
      "locked",
      "network",
      "short",
      "large-files",
    ]);
  });
});

describe("isTrouble", () => {
  it.each([
    ["fatal: Not a valid commit name 1234567", false],
    ["warning: ignoring broken ref refs/heads/agent/issue-1", false],
    ["error: unable to open object pack directory: Permission denied", true],
    ["fatal: Out of memory, malloc failed", true],
    ["fatal: Unable to create '/x/index.lock': File exists.", true],
  ])("of '%s' is %s", (output, trouble) => {
    expect(isTrouble(output)).toBe(trouble);
  });
});

describe("remoteWords", () => {
  it("are the server's lines as it wrote them, without git's frame", () => {
    const output =
      "remote: error: GH013: no        \nremote: \nremote: - Cannot create ref        \nTo https://x\n ! [remote rejected]\n";

    expect(remoteWords(output)).toBe("error: GH013: no\n\n- Cannot create ref");
  });
});
