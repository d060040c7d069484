// The demo would prove nothing if its issues could not be solved, or if their tests passed without the change.

import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import { SAMPLE_REPOSITORIES } from "../../src/demo/sample-repositories.ts";
import { makeTemporaryDirectory } from "../support/temporary-directory.ts";

const ISSUES = SAMPLE_REPOSITORIES.flatMap((repository) =>
  repository.issues.map((issue) => ({ name: repository.name, repository, issue })),
);

test("three repositories have twelve issues, one question each, and one that is done already", () => {
  expect(SAMPLE_REPOSITORIES.map(({ issues }) => issues.length)).toEqual([4, 4, 4]);
  expect(SAMPLE_REPOSITORIES.map(({ issues }) => issues.filter(({ answer }) => answer !== null).length)).toEqual([
    1, 1, 1,
  ]);
  expect(ISSUES.filter(({ issue }) => issue.expected === "closed")).toHaveLength(1);
});

test.each(ISSUES.filter(({ issue }) => issue.expected === "merged"))(
  "in $name, '$issue.title' makes its own tests pass, which fail without its module",
  async ({ repository, issue }) => {
    await using directory = await makeTemporaryDirectory();
    const tests = Object.fromEntries(Object.entries(issue.wanted).filter(([path]) => path.startsWith("test/")));
    await write(directory.path, { ...repository.files, ...tests });

    const before = Object.keys(tests).length > 0 ? runTests(directory.path) : 1;
    await write(directory.path, issue.wanted);

    expect(before).not.toBe(0);
    expect(runTests(directory.path)).toBe(0);
  },
);

async function write(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

function runTests(cwd: string): number | null {
  return spawnSync(process.execPath, ["--test"], { cwd, env: { PATH: process.env["PATH"] ?? "" }, stdio: "ignore" })
    .status;
}
