// Agents are the same user as we are: what they put in place of a file of ours holds nobody who opens it.

import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { lstat, mkdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { AppendLog } from "../../src/core/files/append-log.ts";
import { readSmallBytes, readSmallFile } from "../../src/core/checkout/small-file.ts";
import { readTextIfExists } from "../../src/core/files/durable-file.ts";
import { LogFile } from "../../src/core/logs/log-file.ts";
import { WorkerOutput } from "../../src/daemon/workers/worker-output.ts";
import { Breadcrumb, readCrumb } from "../../src/worker/attention/breadcrumb.ts";
import { holderOf } from "../../src/worker/git/worktrees/worktree-list.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../support/temporary-directory.ts";

const LARGE = 2_097_152;

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await makeTemporaryDirectory();
});
afterEach(() => directory[Symbol.asyncDispose]());

function pipeAt(name: string): string {
  const path = directory.file(name);
  execFileSync("mkfifo", [path]);
  return path;
}

function linkAt(name: string, target: string): string {
  const path = directory.file(name);
  symlinkSync(target, path);
  return path;
}

describe("in place of git's note of a rebase or a bisection", () => {
  const BRANCH = "agent/issue-7";
  const holder = () => holderOf(BRANCH, { entries: [], commonDirectory: directory.path, own: "/none" });

  it("a pipe holds nobody", async () => {
    pipeAt("BISECT_START");

    expect(await holder()).toBeNull();
  });

  it("a device without an end is not read", async () => {
    linkAt("BISECT_START", "/dev/zero");

    expect(await holder()).toBeNull();
  });

  it("the note of git itself counts", async () => {
    writeFileSync(directory.file("BISECT_START"), `${BRANCH}\n`);

    expect(await holder()).toBe(directory.path);
  });

  it("a note counts also where another one is a pipe", async () => {
    pipeAt("BISECT_START");
    await mkdir(directory.file("rebase-merge"));
    writeFileSync(join(directory.file("rebase-merge"), "head-name"), `refs/heads/${BRANCH}\n`);

    expect(await holder()).toBe(directory.path);
  });
});

describe("in place of the breadcrumb", () => {
  it("a pipe is no crumb, and makes room for one", () => {
    const path = pipeAt("crumb");

    expect(readCrumb(path)).toBeNull();
    using crumb = new Breadcrumb(path);
    crumb.drop(7);

    expect(readCrumb(path)).toMatchObject({ issue: 7 });
  });

  it("a link leads what is written nowhere", () => {
    const theirs = directory.file("theirs");
    writeFileSync(theirs, "7 1");
    const path = linkAt("crumb", theirs);

    expect(readCrumb(path)).toBeNull();
    using crumb = new Breadcrumb(path);
    crumb.drop(8);

    expect(readFileSync(theirs, "utf8")).toBe("7 1");
    expect(readCrumb(path)).toMatchObject({ issue: 8 });
  });
});

describe("in place of what a worker prints", () => {
  it("a link to another file does not get that one cut, and the worker's own file is cut", async () => {
    const { output, file } = await WorkerOutput.open(directory.path);
    const path = join(directory.path, "logs", "worker.stderr.log");
    ftruncateSync(file, LARGE);
    closeSync(file);
    output.bound();
    expect((await stat(path)).size).toBe(0);
    const theirs = directory.file("theirs");
    writeFileSync(theirs, "");
    truncateSync(theirs, LARGE);
    execFileSync("ln", ["-sf", theirs, path]);

    output.bound();

    expect((await stat(theirs)).size).toBe(LARGE);
  });
});

it("a pipe in place of a log makes room for the log", async () => {
  const path = pipeAt("worker.log");
  const log = new LogFile({ file: path, bytesMax: 10_000, filesMax: 2, droppedLine: () => "" });

  log.write("one\n");
  await log[Symbol.asyncDispose]();

  expect((await lstat(path)).isFile()).toBe(true);
  expect(readFileSync(path, "utf8")).toBe("one\n");
});

it("a pipe in place of a log of records or of a text is refused at once", async () => {
  const path = pipeAt("journal");

  await expect(AppendLog.open(path, { bytesMax: 10_000 })).rejects.toThrow("no regular file");
  await expect(readTextIfExists(path, 10)).rejects.toThrow("no regular file");
});

it("a small file is read where it is one, and only then", async () => {
  const path = directory.file("file");
  writeFileSync(path, "text");

  expect(await readSmallFile(path, 4)).toBe("text");
  expect(await readSmallFile(path, 3)).toBeUndefined();
  expect(await readSmallBytes(pipeAt("pipe"), 4)).toBeUndefined();
});
