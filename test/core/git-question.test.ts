// What keeps git from answering is told apart, and no git is run but one that the machine's PATH has.

import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getuid } from "node:process";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { examineCheckout, SENTENCES } from "../../src/core/checkout/checkout-problem.ts";
import { askGit } from "../../src/core/checkout/git-question.ts";
import { absoluteEntries } from "../../src/core/processes/search-path.ts";
import { gitEnvironment } from "../../src/worker/git/command/git-environment.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../support/temporary-directory.ts";

const NEVER = new AbortController().signal;
const PATH = process.env["PATH"] ?? "";

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await makeTemporaryDirectory();
});
afterEach(() => directory[Symbol.asyncDispose]());

/** A `git` that leaves a mark and does what else is said. */
function plantGit(folder: string, ...lines: string[]): string {
  mkdirSync(folder, { recursive: true });
  const mark = directory.file("mark");
  writeFileSync(join(folder, "git"), ["#!/bin/sh", `: > ${mark}`, ...lines, ""].join("\n"));
  chmodSync(join(folder, "git"), 0o755);
  return mark;
}

const ask = (path: string, signal = NEVER) =>
  askGit(directory.path, ["--version"], { environment: { PATH: path } }, signal);

describe("A git that the checkout brings along", () => {
  it.each([".", "", "bin", "./bin"])("is not run where the PATH has the entry '%s'", async (entry) => {
    plantGit(directory.path);
    const mark = plantGit(directory.file("bin"));

    const reply = await ask(`${entry}:${PATH}`);

    expect(reply).toMatchObject({ exitCode: 0, problem: null });
    expect(existsSync(mark)).toBe(false);
  });

  it("would be run by an absolute entry, as a control", async () => {
    const mark = plantGit(directory.file("bin"));

    await ask(`${directory.file("bin")}:${PATH}`);

    expect(existsSync(mark)).toBe(true);
  });

  it("is not on the PATH of the worker's git either", () => {
    const parts = { home: "/h", identity: { name: "n", email: "e" }, protocols: [], config: [], variables: {} };

    expect(gitEnvironment({ ...parts, path: `.:${PATH}:bin:` })["PATH"]).toBe(absoluteEntries(PATH));
    expect(gitEnvironment({ ...parts, path: "." })["PATH"]).toBe("/usr/bin:/bin");
  });
});

describe("What keeps git from answering", () => {
  it("is its own where it says too much, and not that it was late", async () => {
    plantGit(directory.file("bin"), "head -c 100000 /dev/zero");

    const reply = await ask(`${directory.file("bin")}:${PATH}`);

    expect(reply).toMatchObject({ exitCode: null, problem: "other" });
    expect(reply.stderr).toContain("maxBuffer");
  });

  it("is the deadline when it was stopped there", async () => {
    expect(await ask(PATH, AbortSignal.abort())).toMatchObject({ exitCode: null, problem: "late" });
  });

  it("is that the directory is gone, and not that git is not installed", async () => {
    const gone = directory.file("gone");
    const reply = await askGit(gone, ["--version"], { environment: { PATH } }, NEVER);

    expect(reply.problem).toBe("gone");
  });

  it("is that there is no git where there is none", async () => {
    mkdirSync(directory.file("bin"));

    expect((await ask(directory.file("bin"))).problem).toBe("missing");
  });

  // Nothing is closed to root; `.ci/run` runs this file as an ordinary user, too.
  it.skipIf(getuid?.() === 0)("is that the git directory may not be read", async () => {
    const git = join(directory.path, ".git");
    mkdirSync(git, { mode: 0 });

    const examined = await examineCheckout(directory.path, { environment: { PATH } }, NEVER);
    chmodSync(git, 0o700);

    expect(examined).toMatchObject({ ok: false, failure: expect.stringContaining("cannot be read by the user") });
    expect(SENTENCES.unreadable(git)).toContain(git);
  });
});
