// What we ship for aggregators names the files as the program writes them, and the page says the bounds that hold.

import { readdirSync, readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { supervisorPaths, workerPaths } from "../../src/core/paths.ts";
import { TRANSCRIPTS_BYTES_MAX, TRANSCRIPTS_COUNT_MAX } from "../../src/worker/agent/transcript-keeper.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const inputs = readdirSync(new URL("packaging/logging/", root)).filter((name) => name !== "README.md");

test.each(inputs)("%s reads the log of every worker and of the supervisor", (name) => {
  const text = read(`packaging/logging/${name}`);

  expect(text).toContain(workerPaths("/var/lib/hydraflow/*").logFile);
  expect(text).toContain(supervisorPaths("/var/lib/hydraflow").logFile);
});

test("the folder's page has a line for every input", () => {
  const page = read("packaging/logging/README.md");

  expect(inputs.length).toBeGreaterThan(0);
  expect(inputs.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
});

test("the operations page says how much the transcripts of a repository may take", () => {
  const page = read("docs/operations.md").replaceAll("\n", " ");

  expect(page).toContain(
    `${TRANSCRIPTS_BYTES_MAX / 1_048_576} MiB and ${TRANSCRIPTS_COUNT_MAX.toLocaleString("en")} files per repository`,
  );
});
