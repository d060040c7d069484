import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ok } from "../../../src/core/result.ts";
import { findGateCommand, findGateSetup, type ReadFile, runGate } from "../../../src/worker/pipeline/gate.ts";

const signal = new AbortController().signal;

const reads =
  (files: Readonly<Record<string, string>>): ReadFile =>
  (name) =>
    Promise.resolve(ok(files[name] ?? null));

const manifest = (more: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ scripts: { test: "node --test" }, devDependencies: { x: "1.0.0" }, ...more });

describe("The gate of a repository", () => {
  it.each([
    ["what the setting says", "make check", { Makefile: "quality: x\n" }, "make check"],
    ["make quality", undefined, { Makefile: "quality: x\n", "package.json": manifest() }, "make quality"],
    ["npm test", undefined, { Makefile: "quality := x\n", "package.json": manifest() }, "npm test"],
    ["nothing for the placeholder", undefined, { "package.json": '{"scripts":{"test":"no test specified"}}' }, null],
    ["nothing where nothing is", undefined, { "package.json": "[]" }, null],
  ])("is %s", async (_title, configured, files, expected) => {
    expect(await findGateCommand(configured, reads(files as Record<string, string>))).toEqual(ok(expected));
  });

  it.each([
    ["npm ci", { "package-lock.json": "{}" }, manifest()],
    ["npm ci", { "npm-shrinkwrap.json": "{}" }, manifest()],
    ["pnpm install --frozen-lockfile", { "pnpm-lock.yaml": "x" }, manifest()],
    ["yarn install --frozen-lockfile", { "yarn.lock": "# yarn lockfile v1\n" }, manifest()],
    ["yarn install --immutable", { "yarn.lock": "# x\n\n__metadata:\n  version: 8\n" }, manifest()],
    [null, { "package-lock.json": "{}" }, manifest({ devDependencies: {} })],
    [null, {}, manifest()],
  ])("is set up by %s where the files are %o", async (expected, files, text) => {
    const read = reads({ ...files, "package.json": text });

    expect(await findGateSetup("npm test", read)).toEqual(ok(expected));
    expect(await findGateSetup("make quality", read)).toEqual(ok(null));
  });
});

describe("A run of the gate", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "hydraflow-gate-"));
    await mkdir(join(directory, "checkout"));
  });

  afterEach(() => rm(directory, { recursive: true }));

  const run = (command: string, setup: string | null = null) =>
    runGate(
      {
        command,
        setup,
        directory: join(directory, "checkout"),
        homes: join(directory, "gates"),
        issue: 7,
        groups: join(directory, "groups"),
        timeoutMs: 30_000,
        environment: { PATH: process.env["PATH"] },
        names: [],
        marks: {},
        redact: (text) => text.replace("secret", "***"),
      },
      signal,
    );

  it("shows a setup that failed as the setup, and runs no gate behind it", async () => {
    const failed = await run("touch ran", "echo no secret lock file; exit 3");

    expect(failed).toEqual({
      passed: false,
      command: "echo no secret lock file; exit 3",
      what: "setup of the quality gate",
      output: "no *** lock file\n",
    });
    expect(existsSync(join(directory, "checkout", "ran"))).toBe(false);
    expect(await run("test -e made", "touch made")).toMatchObject({ passed: true, what: "quality gate" });
  });

  it("has a HOME that no earlier run has seen, and caches that one has", async () => {
    const once = (path: string) => `mkdir -p "${path}" && ! mkdir "${path}/seen"`;

    expect((await run(once("$HOME"))).passed).toBe(false);
    expect((await run(once("$HOME"))).passed).toBe(false);
    expect((await run(once("$TMPDIR"))).passed).toBe(false);
    // The control: the same trick goes by way of a cache, which is what a cache is.
    for (const cache of ["$XDG_CACHE_HOME", "$npm_config_cache"]) {
      expect((await run(once(cache))).passed).toBe(false);
      expect((await run(once(cache))).passed).toBe(true);
    }
    expect(existsSync(join(directory, "gates", "issue-7"))).toBe(false);
  });
});
