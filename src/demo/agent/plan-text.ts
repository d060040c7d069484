// The demo agent's plan says what the issue's own blocks say, under the headings that HydraFlow asks for. This file is
// pure.

import type { Edit } from "./instructions.ts";

const TEST_PATH = /(?:^|\/)(?:tests?|specs?|__tests__)\/|[._-](?:test|spec)\.\w+$/i;

const STEP_OF: Readonly<Record<Edit["kind"], (edit: Edit) => string>> = {
  file: ({ path }) => `Write the file \`${path}\` with the content that the issue gives for it.`,
  append: ({ path }) => `Append the lines that the issue gives to the end of \`${path}\`.`,
  before: ({ path, line }) => `Insert the lines that the issue gives into \`${path}\`, before the line \`${line}\`.`,
  feedback: ({ path }) => `Append the lines for \`${path}\` only when a reviewer has asked for them.`,
};

export interface PlanParts {
  readonly title: string;
  readonly edits: readonly Edit[];
  /** Those of the edits' paths are here that exist. */
  readonly existing: ReadonlySet<string>;
}

export function planText({ title, edits, existing }: PlanParts): string {
  const paths = [...new Set(edits.map((edit) => edit.path))];
  const modified = paths.filter((path) => existing.has(path));
  const added = paths.filter((path) => !existing.has(path));
  const delta = [...modified.map((path) => `MODIFIED: ${path}`), ...added.map((path) => `ADDED: ${path}`)];
  const steps = edits
    .toSorted((a, b) => Number(isTest(b.path)) - Number(isTest(a.path)))
    .map((edit) => STEP_OF[edit.kind](edit));
  const last = `Read the changed files (${paths.map((path) => `\`${path}\``).join(", ")}) once more and compare them with the issue.`;
  return [
    `This plan was put together by the demo agent, which is a program and not an AI. It takes the issue "${title}" by its word: every code block that names a file is one edit.`,
    `## Files to Modify\n\n${bullets(modified, "No file that exists is changed.")}`,
    `## New Files\n\n${bullets(added, "No file is added.")}`,
    `## File Delta\n\n${delta.join("\n")}`,
    `## Implementation Steps\n\n${[...steps, last].map((step, index) => `${index + 1}. ${step}`).join("\n")}`,
    `## Testing Strategy\n\n${testing(paths.filter(isTest))}`,
    `## Acceptance Criteria\n\n${criteria(paths)}`,
    `## Key Considerations\n\n${CONSIDERATIONS}`,
  ].join("\n\n");
}

const CONSIDERATIONS = `- The content of every block is taken over unchanged, apart from the placeholder for a person's answer. Nothing is guessed, so the result is as good as the issue itself.
- Each edit is made at most once. When a turn is cut short by a crash or a restart, running it again finds the edits that are already there, leaves them alone and makes the missing ones.
- Edits stay inside the repository. A path that leads out of it, or into git's own directory, is refused instead of being followed.
- No dependency is added, no configuration is changed and no file is removed beyond what the issue asks for, so the change can be reviewed by reading it next to the issue.
- Should the base branch move meanwhile and a conflict come up, both sides are kept, since the blocks of this issue only add lines or write whole files.`;

function testing(tests: readonly string[]): string {
  const which =
    tests.length === 0
      ? "The issue brings no test of its own; the repository's tests in `test/` must stay green with the change."
      : `The tests come first: ${tests.map((path) => `\`${path}\``).join(", ")}. They prove what the issue asks for, and fail without the change.`;
  return `${which} The quality gate runs the whole suite on the committed state, so that nothing that worked before is broken by this change.`;
}

function criteria(paths: readonly string[]): string {
  const each = paths.map((path) => `- \`${path}\` holds what the issue gives for it.`);
  return [...each, "- The quality gate of the repository is green.", "- No other file is changed."].join("\n");
}

function bullets(paths: readonly string[], none: string): string {
  return paths.length === 0 ? none : paths.map((path) => `- \`${path}\``).join("\n");
}

function isTest(path: string): boolean {
  return TEST_PATH.test(path);
}
