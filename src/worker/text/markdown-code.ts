// Finds the code in Markdown that every reader of it takes for code, whatever stands around it. What is in doubt counts
// as no code, for this decides where GitHub is kept from reading orders: fences count at the first column alone, which
// no list or quotation can end; a code span counts within a line, as long as every line of its paragraph closes what it
// opens. It holds for text in which no HTML is live, see disarm.ts. One pass, linear in the text.

import { headOf } from "./cut-text.ts";

/** A range is half-open, in UTF-16 units; several ascend. */
export interface CodeRange {
  readonly from: number;
  readonly to: number;
}

export interface MarkdownCode {
  readonly ranges: readonly CodeRange[];
  /** This line closes a fence left open at the end; null when there is none. */
  readonly openFence: string | null;
}

/** No span counts in a longer line, so that a text may be cut at the borders of its lines. */
const SPAN_LINE_UNITS_MAX = 1_000;
/** Everything behind a longer fence is in doubt; nobody writes one to show code. */
const FENCE_UNITS_MAX = 20;
const FENCE = /^(?:(`{3,})[^`\n]*$|(~{3,}))/;
const FENCE_END = /^ {0,3}(`+|~+)[ \t]*$/;
const BLANK = /^[ \t]*$/;
/**
 * A backslash may take a backtick's meaning away, a bar ends a table's cell before a span, and `$` begins mathematics.
 */
const DOUBT = /\\`|[|$]/;

/** Fences are looked for only where the text stands at the first column of the document itself. */
export function findCode(markdown: string, { withFences }: { readonly withFences: boolean }): MarkdownCode {
  const ranges: CodeRange[] = [];
  let fence: string | null = null;
  let isParagraphSound = true;
  let from = 0;
  for (const line of markdown.split("\n")) {
    const to = from + line.length;
    if (fence !== null) {
      ranges.push({ from, to });
      if (closes(line, fence)) fence = null;
    } else {
      fence = withFences ? fenceOf(line) : null;
      if (fence !== null && fence.length > FENCE_UNITS_MAX) return { ranges, openFence: null };
      if (fence !== null) ranges.push({ from, to });
      const spans: readonly CodeRange[] | null = fence === null ? spansOf(line, from) : [];
      isParagraphSound = fence !== null || BLANK.test(line) || (isParagraphSound && spans !== null);
      if (isParagraphSound) ranges.push(...(spans ?? []));
    }
    from = to + 1;
  }
  return { ranges, openFence: fence };
}

/**
 * Returns the head of what `disarmMarkdown` made, cut at a line's border so that no span is cut open, and an open fence
 * closed.
 */
export function cutMarkdown(markdown: string, unitsMax: number, notice: string): string {
  if (markdown.length <= unitsMax) return markdown;
  const head = headOf(markdown, unitsMax - notice.length - FENCE_UNITS_MAX - 1);
  const border = head.lastIndexOf("\n");
  const lines = head.length - border > SPAN_LINE_UNITS_MAX ? head : head.slice(0, border);
  const { openFence } = findCode(lines, { withFences: true });
  return `${lines}${openFence === null ? "" : `\n${openFence}`}${notice}`;
}

function fenceOf(line: string): string | null {
  const [, backticks, tildes] = FENCE.exec(line) ?? [];
  return backticks ?? tildes ?? null;
}

function closes(line: string, fence: string): boolean {
  return FENCE_END.exec(line)?.[1]?.startsWith(fence) === true;
}

/** Returns null where a line closes not all that it opens, or is in doubt. */
function spansOf(line: string, offset: number): CodeRange[] | null {
  if (!line.includes("`")) return [];
  if (line.length > SPAN_LINE_UNITS_MAX || DOUBT.test(line)) return null;
  const runs = [...line.matchAll(/`+/g)];
  const spans: CodeRange[] = [];
  for (let open = 0; open < runs.length; ) {
    const opener = runs[open];
    let close = open + 1;
    while (close < runs.length && runs[close]?.[0].length !== opener?.[0].length) close += 1;
    const closer = runs[close];
    if (opener === undefined || closer === undefined) return null;
    spans.push({ from: offset + opener.index, to: offset + closer.index + closer[0].length });
    open = close + 1;
  }
  return spans;
}
