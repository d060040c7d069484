// Which changes of a git configuration are harmless. Ordinary commands of an agent write branch tracking, and package
// managers set core.hooksPath, which our git overrides; everything else counts. The reading is strict on purpose: a line
// that could mean something else to git is not harmless.

const BRANCH_HEADER = /^\[branch "[A-Za-z0-9][A-Za-z0-9._/-]*"\]$/;
const BRANCH_LINE = /^\t(remote|merge|rebase|pushRemote|vscode-merge-base) = [A-Za-z0-9._/-]+$/;
const HOOKS_LINE = /^\thooksPath = [A-Za-z0-9._/-]+$/;
const INCLUDE_HEADER = /^\s*\[\s*include(?:if\b[^\]]*|\s*)\]/i;
const INCLUDES_MAX = 20;

export type ConfigChange = "none" | "hooks-path" | "other";

export function compareConfigs(before: string, after: string): ConfigChange {
  if (before === after) return "none";
  // A continued line could swallow the next one, so nothing can be taken out line by line.
  if (/\\\r?\n/.test(before) || /\\\r?\n/.test(after)) return "other";
  const [calmBefore, calmAfter] = [withoutBranches(before), withoutBranches(after)];
  if (calmBefore === calmAfter) return "none";
  return withoutHooksPath(calmBefore) === withoutHooksPath(calmAfter) ? "hooks-path" : "other";
}

/** The paths of `[include]` and `[includeIf]` sections, as written. */
export function includedPaths(config: string): string[] {
  const paths: string[] = [];
  let isInclude = false;
  for (const line of config.split("\n")) {
    if (/^\s*\[/.test(line)) isInclude = INCLUDE_HEADER.test(line);
    const path = /(?:^|\])\s*path\s*=([^\n]*)/i.exec(line)?.[1]?.trim() ?? "";
    if (isInclude && path !== "") paths.push(path.replace(/^"(.*)"$/, "$1"));
  }
  return paths.slice(0, INCLUDES_MAX);
}

function withoutBranches(config: string): string {
  const kept: string[] = [];
  let inBranch = false;
  for (const line of config.split("\n")) {
    if (BRANCH_HEADER.test(line)) inBranch = true;
    else if (!inBranch || !BRANCH_LINE.test(line)) {
      // A section that ends with any other line than a header would hand its key to the section before.
      if (inBranch && line !== "" && !line.startsWith("[")) kept.push("[branch]");
      inBranch = false;
      kept.push(line);
    }
  }
  return kept.join("\n");
}

function withoutHooksPath(config: string): string {
  return config
    .split("\n")
    .filter((line) => !HOOKS_LINE.test(line))
    .join("\n");
}
