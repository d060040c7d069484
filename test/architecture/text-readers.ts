// This file finds in the code everything that reads a text: each regular expression as it is used, and each exported
// function that takes a text and looks through it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync, Visitor } from "oxc-parser";

import { readSourceFiles, ROOT } from "./source-file.ts";

export interface FoundExpression {
  readonly place: string;
  readonly pattern: string;
  readonly flags: string;
  readonly isSplit: boolean;
}

export interface FoundReader {
  readonly module: string;
  readonly export: string;
  /** The types of its parameters stand here as they are written. */
  readonly parameters: readonly string[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** A function whose code has one of these looks through texts. */
const LOOKS =
  /\/[gimsuvy]*\.(?:test|exec)\(|\.(?:exec|test|match|matchAll|replace|replaceAll|split|indexOf|lastIndexOf|trim|trimEnd|slice)\(|\b(?:for|while) \(|JSON\.parse/;

export function findTextReaders(): { expressions: FoundExpression[]; readers: FoundReader[] } {
  const expressions: FoundExpression[] = [];
  const readers: FoundReader[] = [];
  for (const { path } of readSourceFiles()) {
    const text = readFileSync(join(ROOT, path), "utf8");
    const splits = new Set<number>();
    new Visitor({
      CallExpression: ({ callee, arguments: [first] }) => {
        const isSplit =
          callee.type === "MemberExpression" &&
          callee.property.type === "Identifier" &&
          callee.property.name === "split";
        if (isSplit && first !== undefined) splits.add(first.start);
      },
      Literal: (node) => {
        if (!("regex" in node)) return;
        const place = `${path}:${text.slice(0, node.start).split("\n").length}`;
        expressions.push({ place, ...node.regex, isSplit: splits.has(node.start) });
      },
      ExportNamedDeclaration: ({ declaration }) => {
        if (declaration?.type !== "FunctionDeclaration" || declaration.id === null || declaration.async) return;
        const parameters = declaration.params.map((parameter) => typeOf(parameter, text));
        if (parameters.some((type) => TEXT_TYPE.test(type)) && LOOKS.test(text))
          readers.push({ module: path, export: declaration.id.name, parameters });
      },
    }).visit(parseSync(path, text).program);
  }
  return { expressions, readers };
}

const TEXT_TYPE = /^(?:string|Comment|readonly string\[\]|Iterable<string>)\b/;

function typeOf(parameter: Node, text: string): string {
  const written = text.slice(parameter.start, parameter.end);
  return written.slice(written.indexOf(":") + 1).trim();
}
