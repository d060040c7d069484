// Decides which changes of a git configuration are harmless. Ordinary commands of an agent write branch tracking or
// initialise submodules, and package managers set core.hooksPath, which our git overrides; everything else counts. The
// reading is strict on purpose: a line that could mean something else to git is not harmless.

const BRANCH_HEADER = /^\[branch "[A-Za-z0-9][A-Za-z0-9._/-]*"\]$/;
const BRANCH_LINE = /^\t(remote|merge|rebase|pushRemote|vscode-merge-base) = [A-Za-z0-9._/-]+$/;
const HOOKS_LINE = /^\thooksPath = [A-Za-z0-9._/-]+$/;
/** `git submodule init` writes these; the command that `update` may name is not among them. */
const SUBMODULE_HEADER = /^\[submodule "[A-Za-z0-9][A-Za-z0-9._/ -]*"\]$/;
const SUBMODULE_LINE = /^\t(?:active = true|url = [A-Za-z0-9][^\s"\\;#]*)$/;
const INCLUDE_HEADER = /^\s*\[\s*include(?:if\b[^\]]*|\s*)\]/i;
const INCLUDES_MAX = 20;

/** `put-back` is a change that does no harm while it stands, but that the operator should not find. */
export type ConfigChange = "none" | "put-back" | "other";

export function compareConfigs(before: string, after: string): ConfigChange {
  if (before === after) return "none";
  // A continued line could swallow the next one, so nothing can be taken out line by line.
  if (/\\\r?\n/.test(before) || /\\\r?\n/.test(after)) return "other";
  const [calmBefore, calmAfter] = [withoutBranches(before), withoutBranches(after)];
  if (calmBefore === calmAfter) return "none";
  return withoutPutBack(calmBefore) === withoutPutBack(calmAfter) ? "put-back" : "other";
}

/** Returns the paths of `[include]` and `[includeIf]` sections, as they are written. */
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
  return withoutSections(config, BRANCH_HEADER, BRANCH_LINE);
}

function withoutPutBack(config: string): string {
  return withoutHooksPath(withoutSections(config, SUBMODULE_HEADER, SUBMODULE_LINE));
}

function withoutSections(config: string, header: RegExp, calmLine: RegExp): string {
  const kept: string[] = [];
  let inSection = false;
  for (const line of config.split("\n")) {
    if (header.test(line)) inSection = true;
    else if (!inSection || !calmLine.test(line)) {
      // A section that ends with any other line than a header would hand its key to the section before.
      if (inSection && line !== "" && !line.startsWith("[")) kept.push(header.source);
      inSection = false;
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
