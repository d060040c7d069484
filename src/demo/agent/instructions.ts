// An issue tells the demo agent what to do in a little language: Markdown that a person could have written, with fenced
// code blocks that name their file, and a few lines that begin with known words. This file is pure.
//
//   ```js file=src/greet.js            the whole file          Ask first: <question>
//   ```js append=test/greet.test.js    at the end of the file  Already done: <file:line>; tests <file>; criteria <text>
//   ```js before=src/main.js "line"    before that exact line  Reviewer objects once: <finding>
//   ```js feedback=src/greet.js        appended after a review  Slow: <ms>

import { isAbsolute, normalize } from "node:path";

export interface Edit {
  readonly kind: "file" | "append" | "before" | "feedback";
  readonly path: string;
  readonly content: string;
  /** The content of a `before` block goes in front of this line. */
  readonly line: string | null;
}

export interface Instructions {
  readonly edits: readonly Edit[];
  readonly question: string | null;
  readonly done: { readonly feature: string; readonly tests: string; readonly criteria: string } | null;
  readonly objection: string | null;
  readonly paceMs: number | null;
  /** Each block that was not taken up has its reason here. */
  readonly problems: readonly string[];
}

const PACE_MS_MAX = 600_000;

export function readInstructions(markdown: string): Instructions {
  const { blocks, prose } = splitFences(markdown);
  const edits: Edit[] = [];
  const problems: string[] = [];
  for (const block of blocks) {
    const edit = editOf(block);
    if (edit === null) continue;
    if (isSafePath(edit.path)) edits.push(edit);
    else problems.push(`${edit.path} does not lie in the repository`);
  }
  const pace = lineAfter(prose, "Slow");
  return {
    edits,
    problems,
    question: lineAfter(prose, "Ask first"),
    done: doneOf(lineAfter(prose, "Already done")),
    objection: lineAfter(prose, "Reviewer objects once"),
    paceMs: pace === null || !/^\d+/.test(pace) ? null : Math.min(Number.parseInt(pace, 10), PACE_MS_MAX),
  };
}

interface Block {
  readonly info: string;
  readonly content: string;
}

/** CommonMark closes a fence by at least as many of the same character as it was opened with. */
function splitFences(markdown: string): { blocks: Block[]; prose: string } {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open: { fence: string; info: string; lines: string[] } | null = null;
  for (const line of markdown.split("\n")) {
    const [mark = "", fence = ""] = /^ {0,3}(`{3,}|~{3,})/.exec(line) ?? [];
    const info = line.slice(mark.length).trim();
    if (open === null && fence !== "") open = { fence, info, lines: [] };
    else if (open === null) prose.push(line);
    else if (fence.startsWith(open.fence) && info === "") {
      blocks.push({ info: open.info, content: open.lines.map((text) => `${text}\n`).join("") });
      open = null;
    } else open.lines.push(line);
  }
  return { blocks, prose: prose.join("\n") };
}

function editOf({ info, content }: Block): Edit | null {
  const quoted = info.endsWith('"') ? info.indexOf('"') : -1;
  const line = quoted === -1 || quoted === info.length - 1 ? undefined : info.slice(quoted + 1, -1);
  const word = (quoted === -1 ? info : info.slice(0, quoted)).trim().split(/\s+/).at(-1) ?? "";
  const [, kind = "", path = ""] = /^(file|append|before|feedback)=(.+)$/.exec(word) ?? [];
  if (kind === "") return null;
  if (kind === "before" && line === undefined) return null;
  return { kind: kind as Edit["kind"], path: normalize(path), content, line: line ?? null };
}

function isSafePath(path: string): boolean {
  const [first] = path.split("/");
  return !isAbsolute(path) && first !== ".." && first !== ".git" && !path.endsWith("/");
}

function lineAfter(prose: string, words: string): string | null {
  const start = `${words.toLowerCase()}:`;
  for (const line of prose.split("\n")) {
    const text = line.replace(/^[ \t>*_-]*/, "");
    if (!text.toLowerCase().startsWith(start)) continue;
    const said = text
      .slice(start.length)
      .replace(/^[*_ \t]*/, "")
      .trim();
    if (said !== "") return said;
  }
  return null;
}

function doneOf(line: string | null): Instructions["done"] {
  const [feature = "", ...claims] = (line ?? "").split(";").map((part) => part.trim());
  const [, tests] = /^tests?\s+(\S.*)$/i.exec(claims[0] ?? "") ?? [];
  const [, criteria] = /^criteria\s+(\S.*)$/i.exec(claims.slice(1).join("; ")) ?? [];
  return /:\d+$/.test(feature) && tests !== undefined && criteria !== undefined ? { feature, tests, criteria } : null;
}
