// `npm run test:faults` injects every fault as often as the reliability plan asks. It prints the seed, the counts and
// the results as one table; the exit code is the verdict. `-- --seed N` plays one run again, `-- --few` does little of
// each, `-- --only F12` does that one.

import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./runtime.mjs";

const SEED_MAX = 1_000_000_000;
const { values } = parseArgs({
  options: { seed: { type: "string" }, few: { type: "boolean", default: false }, only: { type: "string" } },
});
const seed = values.seed ?? String(randomInt(SEED_MAX));

const directory = mkdtempSync(join(tmpdir(), "hydraflow-faults-"));
try {
  const report = join(directory, "report.json");
  const code = await runVitest(report);
  const rows = readRows(report);
  process.stdout.write(`\n${tableOf(rows)}\nseed ${seed}\n`);
  const failed = rows.filter(({ result }) => result !== "passed").length;
  process.stdout.write(`${rows.length - failed} passed, ${failed} failed\n`);
  process.exitCode = code || (failed > 0 || rows.length === 0 ? 1 : 0);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function runVitest(report) {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const only = values.only === undefined ? [] : ["-t", `${values.only} `];
  const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${report}`];
  const child = spawn(process.execPath, [vitest, "run", "--project", "faults", ...only, ...reporters], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      FAULT_SEED: seed,
      FAULT_SCALE: values.few ? "few" : "full",
      // Thousands of processes start the same few files, and nothing that is tested depends on how they are compiled.
      NODE_COMPILE_CACHE: join(directory, "compiled"),
    },
  });
  return new Promise((resolve) => child.on("exit", (exitCode) => resolve(exitCode ?? 1)));
}

/** Titles have the form `F01 what happens [count]`. */
function readRows(report) {
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  const rows = testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ fullName, title, status, duration }) => {
      const [, id, count] = /^(F\d+) .*\[(\d+)\]$/.exec(title) ?? [];
      return {
        id: id ?? "?",
        count: count ?? "?",
        result: status,
        seconds: ((duration ?? 0) / 1000).toFixed(1),
        what: fullName.replace(/ F\d+ /, " ").replace(/ \[\d+\]$/, ""),
      };
    }),
  );
  const wanted = values.only === undefined ? rows : rows.filter(({ id }) => id === values.only);
  return wanted.toSorted((a, b) => a.id.localeCompare(b.id));
}

function tableOf(rows) {
  const head = { id: "fault", count: "rounds", result: "result", seconds: "seconds", what: "what" };
  const width = (key) => Math.max(...[head, ...rows].map((row) => row[key].length));
  const line = (row) =>
    ["id", "count", "result", "seconds"].map((key) => row[key].padEnd(width(key))).join("  ") + `  ${row.what}`;
  return [head, ...rows].map(line).join("\n");
}
