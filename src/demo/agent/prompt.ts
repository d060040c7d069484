// The demo agent understands this of a prompt: the role line, the facts below it, and the sections of data. This file
// is pure.

const ISSUE_START = /^<issue\s+number="?(\d+)"?\s*>[ \t]*$/;

export const ROLES = ["triage", "plan", "implement", "review", "hitl"] as const;
export type Role = (typeof ROLES)[number];

export interface Prompt {
  readonly role: Role;
  readonly issue: { readonly number: number; readonly title: string; readonly body: string } | null;
  /** The oldest answer comes first. */
  readonly answers: readonly string[];
  readonly feedback: string | null;
  /** A review's diff is taken against this ref. */
  readonly base: string | null;
  /** Reviews are counted from 1. */
  readonly round: number;
}

/** Gives null where the prompt names no role. */
export function readPrompt(text: string): Prompt | null {
  const named = factOf(text, "Role")?.toLowerCase();
  const role = ROLES.find((candidate) => candidate === named);
  if (role === undefined) return null;
  return {
    role,
    issue: issueOf(text),
    answers: sectionsOf(text, "answer"),
    feedback: sectionsOf(text, "feedback").at(-1) ?? null,
    base: factOf(text, "Base"),
    round: Number(factOf(text, "Round") ?? 1),
  };
}

function factOf(text: string, name: string): string | null {
  const start = `${name.toLowerCase()}:`;
  const line = text.split("\n").find((each) => each.toLowerCase().startsWith(start));
  return line === undefined ? null : (/^[ \t]*(\S+)/.exec(line.slice(start.length))?.[1] ?? null);
}

function issueOf(text: string): Prompt["issue"] {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => ISSUE_START.test(line));
  const to = lines.indexOf("</issue>", from);
  if (from === -1 || to === -1) return null;
  const number = ISSUE_START.exec(lines[from] ?? "")?.[1] ?? "0";
  const [first = "", ...rest] = lines.slice(from + 1, to);
  return { number: Number(number), title: first.replace(/^#\s*/, "").trim(), body: rest.join("\n").trim() };
}

function sectionsOf(text: string, tag: string): string[] {
  const sections: string[] = [];
  let inner: string[] | null = null;
  for (const line of text.split("\n")) {
    if (inner === null && line.trimEnd() === `<${tag}>`) inner = [];
    else if (inner !== null && line.startsWith(`</${tag}>`)) {
      sections.push(inner.join("\n").trim());
      inner = null;
    } else inner?.push(line);
  }
  return sections;
}
