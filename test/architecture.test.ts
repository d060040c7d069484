// The parsed sources are measured against the rules of the tree: how long things are, which way imports point, who
// touches the process. oxlint says most of this too; this is the second net, and it knows the words that must not stand
// in the project.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { MAY_IMPORT, roomOf, ROOMS, whyNot } from "../scripts/lint/rooms.mjs";
import { circlesOf } from "./architecture/circles.ts";
import { parseSource, readSourceFiles, ROOT, type SourceFile } from "./architecture/source-file.ts";

const FILE_LINES_MAX = 300;
const FILE_LINES_MEDIAN_MAX = 100;
const FUNCTION_LINES_MAX = 60;
const COLUMNS_MAX = 120;
/** A table's head stands as wide as its table. */
const COMMENT = /^\s*(?:\/\/ \S|\/\*|\* )/;
const ROOM_FILES_MIN = 3;
const ROOM_FILES_MAX = 12;
/** Beside rooms stand an entry and the nouns of the process itself. */
const HALL_FILES_MAX = 3;

/** The commands that become a process of their own are reached through these alone. */
const CLI_MAY_START = ["src/daemon/main.ts", "src/worker/main.ts", "src/forge/main.ts", "src/demo/main.ts"];

/** These belong to an entry; `?` is a member that is not written out. */
const ENTRY_MEMBERS =
  "argv env exit exitCode abort stdin stdout stderr on once off addListener send disconnect cwd chdir umask ?";
const ENTRY_GLOBALS = new Set(ENTRY_MEMBERS.split(" ").map((name) => `process.${name}`));

/** They name places where the project is made, not the project. The brackets keep this file out of its own net. */
const FOREIGN_WORDS =
  /\/wor[k]\/|\/tm[p]\/hf|\/far[m]\/|farm-(?:studi[o]|benc[h])|npmj[s]\.|debian\.or[g]|steerin[g] repo|subagen[t]/;

const files = readSourceFiles();

describe("the tree", () => {
  test("no file is over 300 lines", () => {
    const long = files.filter(({ lines }) => lines > FILE_LINES_MAX).map(({ path, lines }) => `${path}: ${lines}`);

    expect(long).toEqual([]);
  });

  test("half of the files are under 100 lines", () => {
    const lengths = files.map(({ lines }) => lines).toSorted((a, b) => a - b);

    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(FILE_LINES_MEDIAN_MAX);
  });

  test("no function is over 60 lines", () => {
    const long = files.flatMap(({ path, functions }) =>
      functions.filter(({ lines }) => lines > FUNCTION_LINES_MAX).map(({ line, lines }) => `${path}:${line}: ${lines}`),
    );

    expect(long).toEqual([]);
  });

  test("every folder has its rule, and imports point one way", () => {
    expect(files.filter(({ path }) => !(folderOf(path) in MAY_IMPORT)).map(({ path }) => path)).toEqual([]);
    expect(files.flatMap(wrongImports)).toEqual([]);
  });

  test("every room has its place, and imports nothing from above it", () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports.flatMap((target) => whyNot(path, target) ?? []).map((why) => `${path}: ${why}`),
    );

    expect(Object.keys(ROOMS).toSorted()).toEqual([...countByRoom(files).keys()].toSorted());
    expect(wrong).toEqual([]);
  });

  test("a room holds 3 to 12 files, and its hall an entry and a few nouns", () => {
    const counts = countByRoom(files);
    const rooms = [...counts.keys()];
    const isHall = (room: string) => rooms.some((other) => other.startsWith(`${room}/`));
    const lengths = files.map(({ lines }) => lines).toSorted((a, b) => a - b);
    const pairs = pairsOf(files);
    const circles = circlesOf(new Map(files.map(({ path, imports }) => [path, imports])));
    const wrong = [...counts].filter(([room, count]) =>
      isHall(room) && count <= HALL_FILES_MAX ? false : count < ROOM_FILES_MIN || count > ROOM_FILES_MAX,
    );

    process.stdout.write(
      [
        ...[...counts].map(([room, count]) => `${String(count).padStart(4)}  src/${room}`),
        `${counts.size} rooms, ${files.length} files, longest ${lengths.at(-1)}, median ${lengths[Math.floor(lengths.length / 2)]}`,
        `${pairs.length} pairs of rooms that import each other, ${circles.length} circles of files`,
        "",
      ].join("\n"),
    );

    expect(wrong).toEqual([]);
    expect(pairs).toEqual([]);
    expect(circles).toEqual([]);
  });

  test("each room has its sentence in the architecture", () => {
    const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");

    expect(
      Object.entries(ROOMS).filter(([room, sentence]) => !page.includes(`| \`${room}/\` | ${sentence} |`)),
    ).toEqual([]);
  });

  test("only main.ts touches the process, and nobody the console", () => {
    expect(files.flatMap(wrongGlobals)).toEqual([]);
  });

  test("no comment in a source goes beyond 120 columns, for which the formatter does not look", () => {
    const sources = trackedFiles().filter((path) => /\.(?:ts|mjs)$/.test(path));

    expect(linesWith(sources, (line) => COMMENT.test(line) && line.length > COLUMNS_MAX)).toEqual([]);
  });

  test("no file has words of the place where it was written", () => {
    expect(linesWith(trackedFiles(), (line) => FOREIGN_WORDS.test(line))).toEqual([]);
  });
});

describe("the measure itself", () => {
  test("finds circles, also through types and of more than two files", () => {
    const circles = circlesOf(
      new Map([
        ["a", ["b"]],
        ["b", ["c", "d"]],
        ["c", ["a"]],
        ["d", ["e"]],
        ["e", []],
        ["f", ["g", "a"]],
        ["g", ["f"]],
      ]),
    );

    expect(circles.map((circle) => circle.toSorted().join()).toSorted()).toEqual(["a,b,c", "f,g"]);
  });

  test("finds rooms that import each other", () => {
    const planted = [
      parseSource("src/core/a/1.ts", 'import type { X } from "../b/2.ts";'),
      parseSource("src/core/b/2.ts", 'import "../c/3.ts"; import "../a/1.ts";'),
    ];

    expect(pairsOf(planted)).toEqual(["core/a ↔ core/b"]);
  });

  test("sees every kind of import", () => {
    const text = `import "../a/1.ts"; import type { T } from "../a/2.ts"; export { x } from "../a/3.ts";
      export * from "../a/4.ts"; const y = import("../a/5.ts"); import { readFile } from "node:fs";`;

    const file = parseSource("src/core/planted.ts", text);

    expect(file.imports).toEqual(["1", "2", "3", "4", "5"].map((name) => `src/a/${name}.ts`));
    expect(file.packages).toEqual(["node:fs"]);
  });

  test("counts the lines of functions, methods and arrows", () => {
    const body = "\n".repeat(61);
    const text = `function a() {${body}}\nclass B { c() {${body}} }\nconst d = () => {${body}};`;

    const lengths = parseSource("src/core/planted.ts", text).functions.map(({ lines }) => lines);

    expect(lengths).toEqual([62, 62, 62]);
  });

  test.for([
    ["process.env", `const home = process.env["HOME"];`],
    ["process.argv", "const { argv } = process;"],
    ["process.exit", "process.exit(1);"],
    ["process.?", `process["exit"](1);`],
    ["console.log", `console.log("x");`],
    ["node:process", `import { env } from "node:process";`],
  ])("finds %s outside main.ts", ([what = "", text = ""]) => {
    expect(wrongGlobals(parseSource("src/core/planted.ts", text))).toEqual([`src/core/planted.ts: ${what}`]);
  });

  test.for([
    ["core", "worker/events/event.ts"],
    ["worker", "daemon/daemon.ts"],
    ["daemon", "worker/main.ts"],
    ["admin", "daemon/daemon.ts"],
    ["forge", "demo/demo.ts"],
    ["demo", "cli/main.ts"],
    ["cli", "daemon/daemon.ts"],
    ["cli", "admin/main.ts"],
  ])("refuses that %s imports %s", ([folder = "", target = ""]) => {
    const file = parseSource(`src/${folder}/planted.ts`, `import { x } from "../${target}";`);

    expect(wrongImports(file)).toEqual([`src/${folder}/planted.ts → src/${target}`]);
  });
});

function countByRoom(of: readonly SourceFile[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { path } of of) counts.set(roomOf(path) ?? "", (counts.get(roomOf(path) ?? "") ?? 0) + 1);
  return counts;
}

function pairsOf(of: readonly SourceFile[]): string[] {
  const arrows = new Set(
    of.flatMap(({ path, imports }) => imports.map((target) => `${roomOf(path)} → ${roomOf(target)}`)),
  );
  return [...arrows].flatMap((arrow) => {
    const [from = "", to = ""] = arrow.split(" → ");
    return from < to && arrows.has(`${to} → ${from}`) ? [`${from} ↔ ${to}`] : [];
  });
}

function wrongImports({ path, imports }: SourceFile): string[] {
  const folder = folderOf(path);
  const allowed = new Set([folder, ...(MAY_IMPORT[folder] ?? [])]);
  return imports
    .filter((target) => target.startsWith("src/") && !allowed.has(folderOf(target)))
    .filter((target) => folder !== "cli" || !CLI_MAY_START.includes(target))
    .map((target) => `${path} → ${target}`);
}

function wrongGlobals({ path, globals, packages }: SourceFile): string[] {
  const console = globals.filter((name) => name.startsWith("console."));
  const entryOnly = [
    ...globals.filter((name) => ENTRY_GLOBALS.has(name)),
    ...packages.filter((name) => name === "node:process" || name === "process"),
  ];
  return [...console, ...(path.endsWith("/main.ts") ? [] : entryOnly)].map((name) => `${path}: ${name}`);
}

function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** Gives the places of such lines as `path:line`. */
function linesWith(paths: readonly string[], isFound: (line: string) => boolean): string[] {
  return paths.flatMap((path) => {
    const lines = readFileSync(join(ROOT, path), "utf8").split("\n");
    return lines.flatMap((line, index) => (isFound(line) ? [`${path}:${index + 1}`] : []));
  });
}

/** Gives tracked files, and new ones that no ignore rule names, without binaries and the lock file. */
function trackedFiles(): string[] {
  const output = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const deleted = execFileSync("git", ["ls-files", "--deleted", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0");
  return output
    .split("\0")
    .filter((path) => path !== "" && path !== "package-lock.json" && !/\.(png|ico|woff2|gz)$/.test(path))
    .filter((path) => !deleted.includes(path));
}
