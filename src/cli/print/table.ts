// Rows under aligned headings. On a terminal the last column is cut to the width; piped, nothing is cut.

import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

const COLUMN_GAP = "  ";

export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { isInteractive, columns }: Pick<Terminal, "isInteractive" | "columns">,
): string {
  const cells = [headings, ...rows].map((row) => row.map(plainText));
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(COLUMN_GAP)
      .trimEnd(),
  );
  return lines.map((line) => `${isInteractive ? cut(line, columns) : line}\n`).join("");
}

function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(1, width - 1))}…`;
}
