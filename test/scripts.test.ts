// Some scripts run before anything is installed; these tests hold them, and the tables they share with the launcher and
// package.json.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

import manifest from "../package.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("..", import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

test("launcher and scripts know every pinned runtime, and no other", () => {
  const pinned = Object.keys(manifest.optionalDependencies);

  for (const file of ["bin/hydraflow", "scripts/runtime.mjs"]) {
    const named =
      readFileSync(join(ROOT, file), "utf8").match(/\bnode-(?:bin-)?(?:linux|darwin)-(?:x64|arm64)\b/g) ?? [];
    expect(new Set(named)).toEqual(new Set(pinned));
  }
});

test("every pinned runtime is a Node that the project runs on", () => {
  const majorMin = Number(/\d+/.exec(manifest.engines.node)?.[0]);

  for (const version of Object.values(manifest.optionalDependencies)) {
    expect(Number(version.split(".", 1)[0])).toBeGreaterThanOrEqual(majorMin);
  }
});

test("the lock file names every optional package of what it locks, so that npm ci accepts it on any platform", () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };

  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
    ),
  );

  expect(missing).toEqual([]);
});

test("an unknown task is refused on stderr with the list of tasks", async () => {
  const ended = await runScript("scripts/run.mjs", ["no-such-task"]);

  expect(ended).toMatchObject({ code: 1, stdout: "" });
  const tasks = /^usage: node scripts\/run\.mjs (\S+) \[arguments\]\n$/.exec(ended.stderr)?.[1]?.split("|");
  const scripts = Object.entries(manifest.scripts).filter(([, command]) => command.startsWith("node scripts/run.mjs "));
  expect(new Set(tasks)).toEqual(new Set(scripts.map(([name]) => name)));
});

test("test.mjs closes with the counts alone on the last line, and finding no test is a failure", async () => {
  const ended = await runScript("scripts/test.mjs", ["test/there-is-no-such-test"]);

  expect(ended.code).toBe(1);
  expect(ended.stdout.trimEnd().split("\n").at(-1)).toBe("0 passed, 1 failed");
});

function runScript(script: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [join(ROOT, script), ...args], { cwd: ROOT }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === "number") resolve({ code, stdout, stderr });
      else reject(error ?? new Error("no exit code"));
    });
  });
}
