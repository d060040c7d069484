// An issue may go these ways in the trials: what the repository is like, and what stands on the forge at the end.
// agent.mjs has what the agent does differently on each.

export interface Path {
  readonly name: string;
  readonly gate: string;
  readonly ci: string;
  readonly files: Readonly<Record<string, string>>;
  /** A person answers this. */
  readonly answer: string | null;
  readonly end: "fixed" | "dup";
  /** These kinds of comment stand on the issue beside the claim's, by the beginning of their text. */
  readonly comments: readonly string[];
  readonly reviews: number;
}

const PLAN = "## Implementation Plan";
const IMPLEMENTED = "Implemented in";
const GREEN = { gate: "true", ci: "true", files: { "README.md": "one\n" }, answer: null, end: "fixed" } as const;
const NO_DRAFT = "! grep -q draft part.txt";
const ONCE = { comments: [PLAN, IMPLEMENTED], reviews: 1 } as const;

export const PATHS: readonly Path[] = [
  { ...GREEN, ...ONCE, name: "happy" },
  {
    ...GREEN,
    ...ONCE,
    name: "question",
    answer: "Make it blue",
    comments: ["HydraFlow needs a person", PLAN, IMPLEMENTED],
  },
  { ...GREEN, name: "changes-wanted", comments: [PLAN, IMPLEMENTED, IMPLEMENTED], reviews: 2 },
  { ...GREEN, ...ONCE, name: "check-mended", ci: NO_DRAFT, reviews: 2 },
  { ...GREEN, ...ONCE, name: "gate-mended", gate: NO_DRAFT },
  {
    ...GREEN,
    name: "already-there",
    files: { "README.md": "one\n", "test/part.test.js": "1;\n" },
    end: "dup",
    comments: ["## Already satisfied"],
    reviews: 0,
  },
  { ...GREEN, ...ONCE, name: "conflict" },
];
