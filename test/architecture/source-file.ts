// The rules of the tree see one file of src/ like this: its length, its functions, what it imports and what it touches.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync, Visitor } from "oxc-parser";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface SourceFunction {
  readonly line: number;
  readonly lines: number;
}

export interface SourceFile {
  /** The path lies below the root, with `/`. */
  readonly path: string;
  readonly lines: number;
  readonly functions: readonly SourceFunction[];
  /** It imports these files of ours, by any kind of import or re-export; their paths lie below the root. */
  readonly imports: readonly string[];
  /** It imports these packages and `node:` modules. */
  readonly packages: readonly string[];
  /** It uses these `process.<member>` and `console.<member>`, also by destructuring. */
  readonly globals: readonly string[];
}

interface Span {
  readonly start: number;
  readonly end: number;
}

export function readSourceFiles(): SourceFile[] {
  return readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .toSorted((a, b) => a.localeCompare(b))
    .map((path) => parseSource(path, readFileSync(join(ROOT, path), "utf8")));
}

export function parseSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text);
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors.map(({ message }) => message).join("; ")}`);
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length;
  const functions: SourceFunction[] = [];
  const globals: string[] = [];
  const specifiers: string[] = [];

  const addFunction = ({ start, end }: Span) =>
    functions.push({ line: lineAt(start), lines: lineAt(end) - lineAt(start) + 1 });
  const addSpecifier = (source: { value?: unknown } | null) => {
    if (typeof source?.value === "string") specifiers.push(source.value);
  };
  new Visitor({
    FunctionDeclaration: addFunction,
    FunctionExpression: addFunction,
    ArrowFunctionExpression: addFunction,
    ImportDeclaration: ({ source }) => addSpecifier(source),
    ExportNamedDeclaration: ({ source }) => addSpecifier(source),
    ExportAllDeclaration: ({ source }) => addSpecifier(source),
    ImportExpression: ({ source }) => addSpecifier(source.type === "Literal" ? source : null),
    MemberExpression: ({ object, property, computed }) => {
      if (object.type !== "Identifier" || !isWatched(object.name)) return;
      globals.push(`${object.name}.${!computed && property.type === "Identifier" ? property.name : "?"}`);
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== "ObjectPattern" || init?.type !== "Identifier" || !isWatched(init.name)) return;
      for (const part of id.properties) {
        const name = part.type === "Property" && part.key.type === "Identifier" ? part.key.name : "?";
        globals.push(`${init.name}.${name}`);
      }
    },
  }).visit(parsed.program);

  const [ours, others] = partition(specifiers, (specifier) => specifier.startsWith("."));
  return {
    path,
    lines: text.trimEnd().split("\n").length,
    functions,
    imports: ours.map((specifier) => posix.join(posix.dirname(path), specifier)),
    packages: others,
    globals,
  };
}

function isWatched(name: string): boolean {
  return name === "process" || name === "console";
}

function partition<T>(items: readonly T[], belongs: (item: T) => boolean): [T[], T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))];
}
