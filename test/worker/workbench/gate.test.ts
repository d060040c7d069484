import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ok } from "../../../src/core/base/result.ts";
import {
  findGateCommand,
  findGateSetup,
  type ReadFile,
  runGate,
  sweepGateHomes,
} from "../../../src/worker/workbench/gate.ts";

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

    const found = expected === null ? null : { command: expected, isHashed: false };
    expect(await findGateSetup(undefined, read)).toEqual(ok(found));
    expect(await findGateSetup("make deps", read)).toEqual(ok({ command: "make deps", isHashed: false }));
    expect(await findGateSetup("none", read)).toEqual(ok(null));
  });
});

describe("What npm has downloaded", () => {
  const hashed = { version: "1.0.0", resolved: "https://packages.example/x.tgz", integrity: "sha512-eA==" };
  const { integrity: _, ...unhashed } = hashed;

  it.each([
    [true, { "": {}, "node_modules/x": hashed }],
    [true, { "node_modules/x": hashed, "packages/a": {}, "node_modules/a": { resolved: "packages/a", link: true } }],
    [true, { "node_modules/x": hashed, "node_modules/x/node_modules/y": { version: "1.0.0", inBundle: true } }],
    [false, { "node_modules/x": hashed, "node_modules/y": unhashed }],
    [false, { "node_modules/x": { ...hashed, integrity: "sha1-eA==" } }],
    [false, { "node_modules/x": { ...hashed, integrity: "sha512-eA== sha1-eA==" } }],
    [false, { "node_modules/x": { version: "git+ssh://git@github.com/x/y.git#1" } }],
    [false, { "node_modules/x": null }],
    [false, undefined],
  ])("is used again: %s, for the packages %o", async (isHashed, packages) => {
    const read = reads({ "package.json": manifest(), "package-lock.json": JSON.stringify({ packages }) });

    expect(await findGateSetup(undefined, read)).toEqual(ok({ command: "npm ci", isHashed }));
  });
});

describe("A run of the gate", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "hydraflow-gate-"));
    await mkdir(join(directory, "checkout"));
  });

  afterEach(() => rm(directory, { recursive: true }));

  const run = (command: string, setup: string | null = null, isHashed = false) =>
    runGate(
      {
        command,
        setup: setup === null ? null : { command: setup, isHashed },
        directory: join(directory, "checkout"),
        homes: join(directory, "gates"),
        issue: 7,
        groups: join(directory, "groups"),
        timeoutMs: 120_000,
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

  it("says of a setup whose package manager is not there what is missing", async () => {
    const failed = await run("true", "no-such-manager install --frozen-lockfile");

    expect(failed).toMatchObject({ passed: false, what: "setup of the quality gate" });
    expect(failed.output).toMatch(/no-such-manager.*not found\n\n?\[exit code 127: .*PATH\]$/s);
  });

  it("finds nothing that an earlier run has left, nor does its setup but where that hashes what it takes", async () => {
    const once = (path: string) => `mkdir -p "${path}" && ! mkdir "${path}/seen"`;
    const places = ["$HOME", "$TMPDIR", "$XDG_CACHE_HOME", "$HOME/.npm", "$HOME/.npm/_npx", "$HOME/.npm/_cacache"];
    const named = ["npm_config_cache", "npm_config_store_dir", "YARN_CACHE_FOLDER", "GOMODCACHE", "GOCACHE"];

    for (const place of [...places, ...named.map((name) => `\${${name}:-$HOME/${name}}`)]) {
      expect((await run(once(place))).passed).toBe(false);
      expect((await run(once(place))).passed).toBe(false);
    }
    const cache = once("$HOME/.npm/_cacache");
    for (const isHashed of [false, true]) expect((await run("true", cache, isHashed)).passed).toBe(false);
    expect((await run("true", cache, false)).passed).toBe(false);
    // This is the control: the same trick works by way of what is kept.
    expect((await run("true", cache, true)).passed).toBe(true);
    expect((await run("test -e $HOME/.npm/_cacache/seen", cache, true)).passed).toBe(false);
    expect(existsSync(join(directory, "gates", "issue-7"))).toBe(false);
  });

  it("leaves nothing behind at the next start but what is kept, nor what another version has kept", async () => {
    for (const name of ["issue-7", "cache", "npm-cache"])
      await mkdir(join(directory, "gates", name), { recursive: true });

    await sweepGateHomes(join(directory, "gates"));

    expect(readdirSync(join(directory, "gates"))).toEqual(["npm-cache"]);
  });
});
