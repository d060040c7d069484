// `npm test` runs the static checks, then the projects unit, runs and system, and closes with `N passed, N failed`,
// alone on a line. With arguments it runs vitest alone with these, for instance `npm test -- test/core`.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "./check.mjs";
import { root } from "./runtime.mjs";

const args = process.argv.slice(2);
const failedChecks = args.length === 0 ? await check() : [];
const projects = args.includes("--project") ? [] : ["unit", "runs", "system"].flatMap((name) => ["--project", name]);
const { code, counts } = await runVitest([...projects, ...args]);

if (failedChecks.length > 0) process.stdout.write(`checks failed: ${failedChecks.join(", ")}\n`);
// vitest also fails for what it does not count: no test found, or an error outside of any test.
const failed = Math.max(counts.failed, code === 0 ? 0 : 1) + failedChecks.length;
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
process.stdout.write(`${counts.passed} passed, ${failed} failed${skipped}\n`);
process.exitCode = code || (failed > 0 ? 1 : 0);

async function runVitest(selection) {
  const directory = mkdtempSync(join(tmpdir(), "hydraflow-test-"));
  const report = join(directory, "report.json");
  try {
    const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`];
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    const colour = process.stdout.isTTY ? [] : ["--no-color"];
    return { code: await runNode([vitest, "run", ...colour, ...reporters, ...selection]), counts: readCounts(report) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function runNode(nodeArgs) {
  const child = spawn(process.execPath, nodeArgs, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // Ctrl-C reaches vitest by itself; this process stays to clean up behind it.
  process.on("SIGINT", () => undefined);
  return new Promise((resolve) => {
    child.on("error", () => resolve(1));
    child.on("exit", (exitCode, signal) => resolve(exitCode ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

/** A file that does not even load has no tests to count, so it counts as one that failed. */
function readCounts(report) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
      readFileSync(report, "utf8"),
    );
    const unloaded = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
    return {
      passed: numPassedTests,
      failed: numFailedTests + unloaded.length,
      skipped: numPendingTests + numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
