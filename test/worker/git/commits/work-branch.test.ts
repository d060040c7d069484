import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { processIdentity } from "../../../../src/core/processes/process-tree.ts";
import type { WorkBranch } from "../../../../src/worker/git/commits/work-branch.ts";
import type { Worktree } from "../../../../src/worker/git/worktrees/worktree-manager.ts";
import {
  commitToRemote,
  failureOf,
  GitFixture,
  IDENTITY,
  type RepositoryFixture,
  sh,
  valueOf,
} from "../git-fixture.ts";

const signal = new AbortController().signal;

describe("WorkBranch", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let worktree: Worktree;
  let branch: WorkBranch;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
    worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    branch = web.branch(worktree);
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  const write = (name: string, text: string) => writeFile(join(worktree.path, name), text);

  it("commits everything under the configured name, and nothing when there is nothing", async () => {
    await write("ümlaut name.txt", "new\n");
    await rm(join(worktree.path, "README.md"));
    expect(valueOf(await branch.hasChanges(signal))).toBe(true);

    const sha = valueOf(await branch.commitAll("Fixes #7: say it\n\nWith a body.", signal));

    expect(valueOf(await branch.headSha(signal))).toBe(sha);
    expect(sh(worktree.path, "log", "-1", "--format=%an <%ae>%n%cn%n%B")).toBe(
      `${IDENTITY.name} <${IDENTITY.email}>\n${IDENTITY.name}\nFixes #7: say it\n\nWith a body.`,
    );
    expect(sh(worktree.path, "status", "--porcelain")).toBe("");
    expect(valueOf(await branch.hasChanges(signal))).toBe(false);
    expect(valueOf(await branch.commitAll("Nothing", signal))).toBeNull();
  });

  it("compares with the base", async () => {
    await write("README.md", "one\ntwo\nthree\nfour\n");
    await write("binary", "\0\0");
    valueOf(await branch.commitAll("Work", signal));
    await commitToRemote(web, fixture.directory, "main", { "theirs.txt": "theirs\n" });
    const base = valueOf(await web.remote.fetch(["main"], signal)).get("main") ?? "";

    expect(valueOf(await branch.commitsAhead(base, signal))).toBe(1);
    expect(valueOf(await branch.changedFiles(base, signal))).toEqual(["README.md", "binary"]);
    const range = { base, head: valueOf(await branch.headSha(signal)) };
    const change = valueOf(await branch.changes.readChange(range, signal));
    expect(valueOf(await branch.changes.readDiff(change, signal))).toMatchObject([
      { path: "README.md", text: expect.stringContaining("+four"), note: null },
      { path: "binary", text: "", note: expect.stringContaining("binary file") },
    ]);
    expect(failureOf(await branch.commitsAhead("main; id", signal)).message).toContain("full object name");
  });

  it("merges the base", async () => {
    await write("mine.txt", "mine\n");
    valueOf(await branch.commitAll("Mine", signal));
    const theirs = await commitToRemote(web, fixture.directory, "main", { "theirs.txt": "theirs\n" });

    const merged = valueOf(await branch.mergeBase("main", signal));
    const again = valueOf(await branch.mergeBase("main", signal));

    expect(merged).toMatchObject({ kind: "merged", changed: true });
    expect(sh(worktree.path, "merge-base", "HEAD", theirs)).toBe(theirs);
    expect(again).toMatchObject({ kind: "merged", changed: false });
  });

  it("takes a conflicting merge back and names the files", async () => {
    await write("README.md", "mine\n");
    const mine = valueOf(await branch.commitAll("Mine", signal));
    await commitToRemote(web, fixture.directory, "main", { "README.md": "theirs\n" });

    const merged = valueOf(await branch.mergeBase("main", signal));

    expect(merged).toMatchObject({ kind: "conflict", files: ["README.md"] });
    expect(sh(worktree.path, "status", "--porcelain")).toBe("");
    expect(valueOf(await branch.headSha(signal))).toBe(mine);
    expect(await readFile(join(worktree.path, "README.md"), "utf8")).toBe("mine\n");
  });

  it("refuses to merge over uncommitted work", async () => {
    await write("draft.txt", "draft\n");

    expect(failureOf(await branch.mergeBase("main", signal)).message).toContain("uncommitted work");
    expect(await readFile(join(worktree.path, "draft.txt"), "utf8")).toBe("draft\n");
  });

  it("refuses to commit elsewhere than on the work branch", async () => {
    sh(worktree.path, "checkout", "-q", "--detach");
    await write("work.txt", "work\n");

    expect(failureOf(await branch.commitAll("Work", signal)).message).toContain("left its branch");
  });

  it("resets to a commit and keeps what is ignored", async () => {
    await write(".gitignore", "node_modules\n");
    valueOf(await branch.commitAll("Ignore", signal));
    const kept = valueOf(await branch.headSha(signal));
    await mkdir(join(worktree.path, "node_modules"));
    await write("node_modules/x", "x");
    await write("draft.txt", "draft\n");
    sh(worktree.path, "checkout", "-q", "-b", "elsewhere");

    valueOf(await branch.resetTo(kept, signal));

    expect(existsSync(join(worktree.path, "draft.txt"))).toBe(false);
    expect(existsSync(join(worktree.path, "node_modules", "x"))).toBe(true);
    expect(sh(worktree.path, "branch", "--show-current")).toBe("agent/issue-7");
  });

  it("never looks into a repository that stands inside the worktree", async () => {
    const trap = join(fixture.directory, "trap.sh");
    await writeFile(trap, `#!/bin/sh\necho ran >> ${fixture.directory}/trapped\n`);
    await chmod(trap, 0o755);
    const nested = join(worktree.path, "nested");
    await mkdir(nested);
    sh(nested, "init", "-q");
    await writeFile(join(nested, "file"), "x\n");
    sh(nested, "add", ".");
    sh(nested, "commit", "-q", "-m", "Nested");
    sh(worktree.path, "add", "nested");
    sh(worktree.path, "commit", "-q", "-m", "As a submodule");
    sh(nested, "config", "core.fsmonitor", trap);
    await writeFile(join(nested, "file"), "y\n");
    await mkdir(join(worktree.path, "second"));
    sh(join(worktree.path, "second"), "init", "-q");
    await write("work.txt", "work\n");

    valueOf(await branch.commitAll("Work", signal));
    valueOf(await branch.mergeBase("main", signal));

    expect(existsSync(join(fixture.directory, "trapped"))).toBe(false);
    expect(sh(worktree.path, "show", "--name-only", "--format=", "HEAD")).toBe("work.txt");
  });

  it("waits for a lock that another process holds for a moment", async () => {
    const lock = `${worktree.record.index}.lock`;
    await writeFile(lock, "");
    await write("work.txt", "work\n");
    const committing = branch.commitAll("Work", signal);
    const freed = new Promise<void>((resolve) => setTimeout(resolve, 200)).then(() => rm(lock));

    expect(valueOf(await committing)).toMatch(/^[0-9a-f]{40}$/);
    await freed;
  });

  it("gives up on a lock that stays, and says that later may be better", async () => {
    await writeFile(`${worktree.record.index}.lock`, "");
    await write("work.txt", "work\n");

    const failure = failureOf(await branch.commitAll("Work", signal));

    expect(failure).toMatchObject({ kind: "locked", retryable: true });
  });

  it("waits for no input that nobody gives", async () => {
    const call = { directory: worktree.path, arguments: ["cat-file", "--batch-check"] };

    for (const more of [{}, { input: "" }])
      expect(valueOf(await web.git.run({ ...call, ...more }, signal)).stdout).toBe("");
  });

  it("stops git when the signal says so", async () => {
    const started = join(fixture.directory, "started");
    const script = join(fixture.directory, "slow.sh");
    await writeFile(script, `#!/bin/sh\necho $$ > ${started}.tmp\nmv ${started}.tmp ${started}\nexec sleep 600\n`, {
      mode: 0o755,
    });
    sh(web.checkout, "config", "filter.slow.clean", script);
    await write(".gitattributes", "* filter=slow\n");
    const stop = new AbortController();
    const committing = branch.commitAll("Work", stop.signal);
    const ended = committing.catch((error: unknown) => error);
    await expect.poll(() => existsSync(started), { timeout: 60_000 }).toBe(true);

    stop.abort(new Error("stopping"));

    expect(await ended).toEqual(new Error("stopping"));
    expect(web.git.isRunningIn(worktree.path)).toBe(false);
    expect(await isAlive(Number(await readFile(started, "utf8")))).toBe(false);
  });
});

async function isAlive(pid: number): Promise<boolean> {
  return (await processIdentity(pid)) !== null;
}
