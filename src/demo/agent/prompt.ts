// What the demo agent understands of a prompt: the role line, the facts below it, and the sections of data. Pure.

export const ROLES = ["triage", "plan", "implement", "review", "hitl"] as const;
export type Role = (typeof ROLES)[number];

export interface Prompt {
  readonly role: Role;
  readonly issue: { readonly number: number; readonly title: string; readonly body: string } | null;
  /** Oldest first. */
  readonly answers: readonly string[];
  readonly feedback: string | null;
  /** The ref that a review's diff is taken against. */
  readonly base: string | null;
  /** Of reviews, from 1. */
  readonly round: number;
}

/** null: the prompt names no role. */
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
  return new RegExp(`^${name}:[ \\t]*(\\S+)`, "im").exec(text)?.[1] ?? null;
}

function issueOf(text: string): Prompt["issue"] {
  const found = /^<issue\s+number="?(\d+)"?\s*>[ \t]*\n([\s\S]*?)\n<\/issue>/m.exec(text);
  if (found === null) return null;
  const [, number = "0", inner = ""] = found;
  const [first = "", ...rest] = inner.split("\n");
  return { number: Number(number), title: first.replace(/^#\s*/, "").trim(), body: rest.join("\n").trim() };
}

function sectionsOf(text: string, tag: string): string[] {
  const found = text.matchAll(new RegExp(`^<${tag}>[ \\t]*\\n([\\s\\S]*?)\\n</${tag}>`, "gm"));
  return [...found].map(([, inner = ""]) => inner.trim());
}
