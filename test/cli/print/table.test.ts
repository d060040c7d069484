// Tables and spans of time as people read them.

import { expect, test } from "vitest";

import { formatDuration } from "../../../src/cli/grammar/duration.ts";
import { formatTable } from "../../../src/cli/print/table.ts";

const ROWS = [
  ["a", "a long notice"],
  ["longer", "b"],
];

test("a piped table is aligned and whole", () => {
  const table = formatTable(["SLUG", "NOTICE"], ROWS, { isInteractive: false, columns: 12 });

  expect(table).toBe("SLUG    NOTICE\na       a long notice\nlonger  b\n");
});

test("on a terminal a line ends at the last column", () => {
  const table = formatTable(["SLUG", "NOTICE"], ROWS, { isInteractive: true, columns: 12 });

  expect(table).toBe("SLUG    NOT…\na       a l…\nlonger  b\n");
});

test.for([
  [0, "0 s"],
  [59.9, "59 s"],
  [60, "1 min"],
  [3_725, "1 h 2 min"],
  [90_000, "1 d 1 h"],
])("%d seconds are %s", ([seconds, text]) => {
  expect(formatDuration(Number(seconds))).toBe(text);
});
