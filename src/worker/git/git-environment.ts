// The whole environment of one git process, made from nothing: no variable of the worker, no configuration of the user
// or the machine. What the repository's own configuration could still run is switched off here, key by key, or caught by
// config-guard.ts where no list can be complete (filters, merge drivers).

import { devNull } from "node:os";

export interface Identity {
  readonly name: string;
  readonly email: string;
}

export interface GitEnvironmentParts {
  readonly path: string;
  /** A private, empty directory. */
  readonly home: string;
  readonly identity: Identity;
  /** Transports that may be used, as GIT_ALLOW_PROTOCOL spells them; empty for local work. */
  readonly protocols: readonly string[];
  /** Beside ours, for instance the header with the credential; never in arguments, which every user of the machine can read. */
  readonly config: readonly ConfigPair[];
  /** GIT_DIR and its like, and the operator's proxy settings for network commands. */
  readonly variables: Readonly<Record<string, string>>;
}

export type ConfigPair = readonly [key: string, value: string];

const HARDENING: readonly ConfigPair[] = [
  ["core.hooksPath", devNull],
  ["core.fsmonitor", "false"],
  ["core.askPass", ""],
  ["core.quotePath", "false"],
  ["credential.helper", ""],
  ["protocol.ext.allow", "never"],
  ["submodule.recurse", "false"],
  ["diff.ignoreSubmodules", "all"],
  ["fetch.recurseSubmodules", "false"],
  ["push.recurseSubmodules", "no"],
  ["commit.gpgSign", "false"],
  ["push.gpgSign", "false"],
  ["rerere.enabled", "false"],
  ["checkout.workers", "0"],
  // Housekeeping in the background would outlive the command and rewrite the operator's object store.
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
];

export function gitEnvironment(parts: GitEnvironmentParts): Record<string, string> {
  const { name, email } = parts.identity;
  return {
    ...parts.variables,
    PATH: parts.path,
    HOME: parts.home,
    XDG_CONFIG_HOME: parts.home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: devNull,
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    // Git reads an empty list as "no transport at all", which is what local work wants.
    GIT_ALLOW_PROTOCOL: parts.protocols.join(":"),
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    ...configVariables([...HARDENING, ...parts.config]),
  };
}

function configVariables(pairs: readonly ConfigPair[]): Record<string, string> {
  const variables: Record<string, string> = { GIT_CONFIG_COUNT: String(pairs.length) };
  for (const [index, [key, value]] of pairs.entries()) {
    variables[`GIT_CONFIG_KEY_${index}`] = key;
    variables[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return variables;
}
