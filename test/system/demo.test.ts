// This is the main job on real input, as the README's first command runs it.

import { spawn } from "node:child_process";
import { once } from "node:events";

import { expect, test } from "vitest";

import { CLI } from "../support/built-program.ts";

const DEMO_TIMEOUT_MS = 25 * 60_000;
const AS_PROMISED = { merged: 11, hitl: 3, closed: 1, failed: 0, duplicates: 0, orphans: 0, problems: [] };

async function runDemo(
  ...flags: string[]
): Promise<{ code: number | null; summary: Record<string, unknown>; progress: string }> {
  const child = spawn(process.execPath, [CLI, "demo", "--once", "--json", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let progress = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (progress += String(chunk)));
  await once(child, "close");
  return {
    code: child.exitCode,
    summary: JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Record<string, unknown>,
    progress,
  };
}

test("twelve labelled issues in three repositories end merged, closed, and answered by a person where they ask", {
  timeout: DEMO_TIMEOUT_MS,
}, async () => {
  const { code, summary, progress } = await runDemo();

  expect(summary, progress).toMatchObject(AS_PROMISED);
  expect(code).toBe(0);
});

test("the same end is reached while every worker is killed in implement, review and hitl and the supervisor is killed twice", {
  timeout: DEMO_TIMEOUT_MS,
}, async () => {
  const { code, summary, progress } = await runDemo("--chaos");

  expect(summary, progress).toMatchObject({ ...AS_PROMISED, supervisorKills: 2 });
  expect(summary["workerKills"]).toBeGreaterThanOrEqual(9);
  expect(code).toBe(0);
});
