import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ConfigCheck } from "../../../src/worker/preconditions/config-check.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GitFixture, type RepositoryFixture, sh } from "../git/git-fixture.ts";

const NEVER = new AbortController().signal;

let fixture: GitFixture;
let web: RepositoryFixture;
let check: ConfigCheck;

beforeEach(async () => {
  fixture = await GitFixture.create();
  web = await fixture.repository();
  const directory = join(fixture.directory, "trial");
  check = new ConfigCheck({ git: web.git, checkout: web.checkout, directory, clock: new ManualClock() });
});
afterEach(() => fixture[Symbol.asyncDispose]());

function configure(text: string): void {
  const file = join(web.commonDirectory, "config");
  writeFileSync(file, `${readFileSync(file, "utf8")}${text}`);
}

describe("The checkout's configuration", () => {
  it.each([
    ["[merge]\n\tconflictStyle = fancy\n", "unknown style 'fancy' given for 'merge.conflictstyle'"],
    ["[core]\n\tautocrlf = perhaps\n", "bad boolean config value 'perhaps' for 'core.autocrlf'"],
    ["[commit]\n\tcleanup = well\n", "Invalid cleanup mode well"],
    ["[i18n]\n\tcommitEncoding\n", "missing value for 'i18n.commitencoding'"],
  ])("is named when git dies of %j", async (text, words) => {
    configure(text);

    expect(await check.problem(NEVER)).toContain(words);
  });

  it("is all right again when the value is mended, in a file that it includes too", async () => {
    const included = join(fixture.directory, "included");
    writeFileSync(included, "[merge]\n\trenames = maybe\n");
    configure(`[includeIf "gitdir:${web.commonDirectory}"]\n\tpath = ${included}\n`);

    const problem = await check.problem(NEVER);
    writeFileSync(included, "[merge]\n\trenames = true\n");

    expect(problem).toBe(
      `git cannot commit and merge in ${web.checkout} with the configuration there: fatal: bad boolean config value 'maybe' for 'merge.renames'; mend that value, 'git config --list --show-origin' names its file`,
    );
    expect(await check.problem(NEVER)).toBeNull();
    expect(existsSync(join(fixture.directory, "trial"))).toBe(false);
  });

  it.each([
    ["a place for its files", (elsewhere: string) => `[core]\n\tworktree = ${elsewhere}\n`],
    ["no place for files", () => "[core]\n\tbare = true\n"],
  ])("is tried apart from the checkout when it names %s", async (_, text) => {
    const elsewhere = join(fixture.directory, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "own.txt"), "own\n");
    configure(text(elsewhere));

    expect(await check.problem(NEVER)).toBeNull();
    expect(readdirSync(elsewhere)).toEqual(["own.txt"]);
  });

  it("is tried without running what it names, and without a change in the checkout", async () => {
    const ran = join(fixture.directory, "ran");
    const program = `touch ${ran}; false`;
    configure(
      `[merge]\n\tdefault = own\n\tstat = true\n[merge "own"]\n\tdriver = ${JSON.stringify(program)}\n[core]\n\tfsmonitor = ${JSON.stringify(program)}\n[filter "own"]\n\tclean = ${JSON.stringify(program)}\n\trequired\n[diff]\n\texternal = ${JSON.stringify(program)}\n`,
    );
    const before = sh(web.checkout, "for-each-ref");

    expect(await check.problem(NEVER)).toBeNull();
    expect(existsSync(ran)).toBe(false);
    expect(sh(web.checkout, "for-each-ref")).toBe(before);
    expect(sh(web.checkout, "worktree", "list").split("\n")).toHaveLength(1);
  });
});
