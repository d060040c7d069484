// The linter's rules must really fail: each wall gets a violation planted behind it, in a tree of its own.

import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { ROOT } from "./source-file.ts";

interface Planted {
  readonly path: string;
  readonly text: string;
  readonly rule: string;
}

const WALLS: Readonly<Record<string, readonly string[]>> = {
  core: ["worker", "daemon", "admin", "cli", "forge", "demo"],
  worker: ["daemon", "admin", "cli", "forge", "demo"],
  admin: ["daemon", "worker", "cli", "forge", "demo"],
  daemon: ["worker", "cli", "forge", "demo"],
  cli: ["admin", "daemon", "worker", "forge", "demo"],
  forge: ["worker", "daemon", "admin", "cli", "demo"],
  demo: ["worker", "daemon", "admin", "cli"],
};

const IMPORTS: readonly Planted[] = Object.entries(WALLS).flatMap(([from, targets]) =>
  targets.map((to) => ({
    path: `src/${from}/imports-${to}.ts`,
    text: `import { x } from "../${to}/thing.ts";\nexport const y = x;\n`,
    rule: "no-restricted-imports",
  })),
);

const ROOM_WALLS: readonly Planted[] = [
  ["worker/git/command", 'import { x } from "../remote/thing.ts";\nexport const y = x;\n'],
  ["worker/stages", 'import type { X } from "../orchestrator/thing.ts";\nexport type Y = X;\n'],
  ["core/base", 'export { x } from "../files/thing.ts";\n'],
  ["admin/routes", 'export const load = () => import("../metrics/thing.ts");\n'],
  ["daemon/registry", 'export type X = import("../repos/thing.ts").X;\n'],
  ["forge/nowhere", 'import { x } from "../git/thing.ts";\nexport const y = x;\n'],
].map(([room, text = ""]) => ({ path: `src/${room}/planted.ts`, text, rule: "room-order" }));

const OTHERS: readonly Planted[] = [
  {
    path: "src/core/deep/import-type.ts",
    text: `export type { X } from "../../worker/x.ts";\n`,
    rule: "no-restricted-imports",
  },
  {
    path: "src/daemon/dynamic.ts",
    text: `export const x = () => import("../worker/main.ts");\n`,
    rule: "no-restricted-imports",
  },
  {
    path: "src/core/environment.ts",
    text: `export const x = process.env["HOME"];\n`,
    rule: "no-restricted-properties",
  },
  { path: "src/core/arguments.ts", text: "export const { argv } = process;\n", rule: "no-restricted-properties" },
  { path: "src/core/console.ts", text: `console.log("x");\nexport {};\n`, rule: "no-console" },
  { path: "src/worker/exit.ts", text: "process.exit(1);\nexport {};\n", rule: "no-process-exit" },
  { path: "src/core/default.ts", text: "export default 1;\n", rule: "no-default-export" },
  { path: "src/core/long.ts", text: "export {};\n".repeat(301), rule: "max-lines" },
  {
    path: "src/core/long-function.ts",
    text: `export function f() {${"\n  f();".repeat(61)}\n}\n`,
    rule: "max-lines-per-function",
  },
  {
    path: "src/core/floating.ts",
    text: "export function f() {\n  Promise.resolve(1);\n}\n",
    rule: "no-floating-promises",
  },
  { path: "src/core/misused.ts", text: "[1].forEach(async () => {});\nexport {};\n", rule: "no-misused-promises" },
  { path: "src/core/any.ts", text: "export const x: any = 1;\n", rule: "no-explicit-any" },
  { path: "src/core/thrown.ts", text: `export function f() {\n  throw "x";\n}\n`, rule: "only-throw-error" },
  ...[
    String.raw`/<!-- mark:[^>]*-->/`,
    String.raw`/^#\s+(.+?)\s*$/`,
    String.raw`/^(?:a|a)*b/`,
    String.raw`new RegExp("\\s+$", "g")`,
    "(name: string) => new RegExp(name)",
  ].map((expression, index) => ({
    path: `src/core/expression-${index}.ts`,
    text: `export const x = ${expression};\n`,
    rule: "linear-expression",
  })),
  {
    path: "src/core/cycle-a.ts",
    text: `import { b } from "./cycle-b.ts";\nexport const a = () => b;\n`,
    rule: "no-cycle",
  },
  {
    path: "src/core/cycle-b.ts",
    text: `import { a } from "./cycle-a.ts";\nexport const b = () => a;\n`,
    rule: "no-cycle",
  },
];

const PLANTED = [...IMPORTS, ...ROOM_WALLS, ...OTHERS];
const ALLOWED = ["src/cli/start.ts", "src/core/main.ts", "src/core/linear.ts", "src/worker/git/remote/planted.ts"];

const found = new Map<string, string[]>();
let tree: string;

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), "hydraflow-lint-"));
  for (const name of [".oxlintrc.json", "tsconfig.json"]) await copyFile(join(ROOT, name), join(tree, name));
  for (const name of ["node_modules", "scripts"]) await symlink(join(ROOT, name), join(tree, name));
  for (const { path, text } of PLANTED) await plant(path, text);
  await plant("src/cli/start.ts", `export const start = () => import("../daemon/main.ts");\n`);
  await plant("src/worker/git/command/thing.ts", "export const x = 1;\n");
  await plant("src/worker/git/remote/planted.ts", 'export { x } from "../command/thing.ts";\n');
  await plant("src/core/main.ts", "export const home = process.argv;\n");
  await plant("src/core/linear.ts", "export const x = [/<!-- mark:[^<>]*-->/, /^#\\s+(\\S.*)$/, /`[^`]*`/g];\n");
  for (const { filename, code } of await lint(tree)) found.set(filename, [...(found.get(filename) ?? []), code]);
});

afterAll(() => rm(tree, { recursive: true }));

test.for(PLANTED)("$path breaks $rule", ({ path, rule }) => {
  expect(found.get(path)).toContainEqual(expect.stringMatching(new RegExp(`\\(${rule}\\)$`)));
});

test.for(ALLOWED)("%s breaks no rule", (path) => {
  expect(found.get(path)).toBeUndefined();
});

async function plant(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(tree, path)), { recursive: true });
  await writeFile(join(tree, path), text);
}

function lint(directory: string): Promise<{ filename: string; code: string }[]> {
  const oxlint = join(ROOT, "node_modules", ".bin", "oxlint");
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [oxlint, "--format=json"],
      { cwd: directory, maxBuffer: 16 * 1024 * 1024 },
      (_error, stdout) => {
        try {
          resolve((JSON.parse(stdout) as { diagnostics: { filename: string; code: string }[] }).diagnostics);
        } catch (cause) {
          reject(new Error(`oxlint printed no report: ${stdout.slice(0, 500)}`, { cause }));
        }
      },
    );
  });
}
