// Changes that no agent may bring in alone: what runs with the repository's own rights on the server, who must review,
// and what steers HydraFlow itself. Pure.

import { createHash } from "node:crypto";

const PLACES = String.raw`(?:\.github\/(?:workflows|actions)\/|\.hydraflow\/|(?:\.github\/|docs\/)?CODEOWNERS\b)`;
const PROTECTED = new RegExp(`^${PLACES}`, "i");
const PROTECTED_IN_DIFF = new RegExp(String.raw`^diff --git .*[ /]${PLACES}`, "i");
const APPROVAL = /^\W*approved?\b/i;

export function protectedPaths(changed: readonly string[]): string[] {
  return changed.filter((path) => PROTECTED.test(path)).toSorted();
}

/** Names one state of the protected part of a diff: what a person let pass is that and nothing else. */
export function approvalOf(diff: string): string {
  const files = diff.split(/^(?=diff --git )/m).filter((file) => PROTECTED_IN_DIFF.test(file));
  return createHash("sha256").update(files.join("")).digest("hex");
}

/** A refusal in other words must not pass for an approval, so only the word itself, at the start, is one. */
export function isApproval(answer: string): boolean {
  return APPROVAL.test(answer);
}

export function protectedQuestion(pull: number, paths: readonly string[]): string {
  const list = paths.map((path) => `- \`${path}\``).join("\n");
  return `The change in #${pull} is approved by the reviewing agent, but it touches files that decide what may run or be merged here:\n${list}\n\nLook at them. Answer \`approve\` to let it be merged as it is, or say what is to be changed.`;
}
