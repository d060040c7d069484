// docs/github.md and the tables of the code say the same, in both directions.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";

import { COMMIT_STATES, CONCLUSIONS, RUN_STATUSES } from "../../../../src/worker/github/port/check-state.ts";
import { GRAPHQL_ERRORS } from "../../../../src/worker/github/transport/graphql.ts";
import { REFUSALS } from "../../../../src/worker/github/port/github-failure.ts";
import { MERGE_REFUSALS } from "../../../../src/worker/github/port/merge-blocked.ts";

interface Description {
  readonly components: {
    readonly schemas: Record<string, { properties: Record<string, { enum?: (string | null)[] }> }>;
  };
}

const page = readFileSync(new URL("../../../../docs/github.md", import.meta.url), "utf8");

/** Returns the cells of the first table below a heading, without its head. */
function rowsBelow(heading: string): string[][] {
  const [, below] = page.split(`\n${heading}\n`);
  if (below === undefined) throw new Error(`the page has no heading '${heading}'`);
  const table = /(?:^\|.*\n)+/m.exec(below)?.[0] ?? "";
  const rows = table.trimEnd().split("\n").slice(2);
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

const words = (table: Readonly<Record<string, string>>, other: string) => [
  ...Object.entries(table).map(([word, meaning]) => [`\`${word}\``, meaning]),
  ["any other", other],
];

describe("The page on GitHub's answers", () => {
  it("has a row for every refused request", () => {
    expect(rowsBelow("## Refused requests").map(([name, kind, again]) => [name, kind, again])).toEqual(
      REFUSALS.map(({ name, kind, retryable }) => [`\`${name}\``, kind, retryable === true ? "yes" : "no"]),
    );
  });

  it("has a row for every refused merge", () => {
    expect(rowsBelow("## Refused merges").map(([reason, example]) => [reason, example])).toEqual(
      MERGE_REFUSALS.map(({ reason, example }) => [`\`${reason}\``, example]),
    );
  });

  it("has a row for every conclusion, status and state", () => {
    expect(rowsBelow("### Conclusions of check runs, check suites and workflow runs")).toEqual(
      words(CONCLUSIONS, "undecided"),
    );
    expect(rowsBelow("### Statuses of check runs, check suites and workflow runs")).toEqual(
      words(RUN_STATUSES, "pending"),
    );
    expect(rowsBelow("### Commit statuses")).toEqual(words(COMMIT_STATES, "undecided"));
  });

  it("has a row for every error of GraphQL", () => {
    const rows = Object.entries(GRAPHQL_ERRORS).map(([type, kind]) => [
      `\`${type}\``,
      kind,
      kind === "server" || kind === "rate-limited" ? "yes" : "no",
    ]);

    expect(rowsBelow("## GraphQL").map(([type, kind, again]) => [type, kind, again])).toEqual([
      ...rows,
      ["any other", "invalid", "no"],
      ["none", "server", "yes"],
    ]);
  });

  it("knows every word of GitHub's own description", () => {
    const path = createRequire(import.meta.url).resolve("@octokit/openapi/generated/api.github.com.json");
    const { components } = JSON.parse(readFileSync(path, "utf8")) as Description;
    const wordsOf = (schema: string, property: string) =>
      (components.schemas[schema]?.properties[property]?.enum ?? []).filter((word) => word !== null);
    expect(wordsOf("check-suite", "conclusion")).not.toEqual([]);

    for (const schema of ["check-run", "check-suite"] as const) {
      expect(Object.keys(CONCLUSIONS)).toEqual(expect.arrayContaining(wordsOf(schema, "conclusion")));
      expect(Object.keys(RUN_STATUSES)).toEqual(expect.arrayContaining(wordsOf(schema, "status")));
    }
  });
});
