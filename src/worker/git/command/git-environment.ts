// Makes the whole environment of one git process from nothing: no variable of the worker, no configuration of the user
// or the machine. Programs that the repository's own configuration could still run are switched off here, key by key,
// or caught by config-guard.ts where no list can be complete (filters, merge drivers). Objects are read as they are
// pushed: no replace refs, no grafts and no commit-graph can put another commit, tree or parent in their place.

import { devNull } from "node:os";

import { absoluteEntries } from "../../../core/processes/search-path.ts";

export interface Identity {
  readonly name: string;
  readonly email: string;
}

export interface GitEnvironmentParts {
  readonly path: string;
  /** A private, empty directory. */
  readonly home: string;
  readonly identity: Identity;
  /** Lists the transports that may be used, as GIT_ALLOW_PROTOCOL spells them; empty for local work. */
  readonly protocols: readonly string[];
  /**
   * These pairs come after ours, for instance the header with the credential. A credential never stands in arguments,
   * which every user of the machine can read.
   */
  readonly config: readonly ConfigPair[];
  /** These are GIT_DIR and its like, and the operator's proxy settings for network commands. */
  readonly variables: Readonly<Record<string, string>>;
  /** A network command goes to this URL; settings that could lead it elsewhere are pinned for exactly this URL. */
  readonly remoteUrl?: string;
}

export type ConfigPair = readonly [key: string, value: string];

const HARDENING: readonly ConfigPair[] = [
  ["core.hooksPath", devNull],
  ["core.fsmonitor", "false"],
  ["core.untrackedCache", "false"],
  ["core.sparseCheckout", "false"],
  ["core.ignoreStat", "false"],
  // With it git refuses to add a file whose line ends it would change; the work could never be committed.
  ["core.safecrlf", "false"],
  // Our messages are UTF-8, whatever the operator writes in.
  ["i18n.commitEncoding", "UTF-8"],
  ["core.protectHFS", "true"],
  ["core.protectNTFS", "true"],
  // Git looks for these files in $XDG_CONFIG_HOME, which an agent can write to.
  ["core.attributesFile", devNull],
  ["core.excludesFile", devNull],
  // A forged graph names other parents than the commits do, and git trusts it without a look at them.
  ["core.commitGraph", "false"],
  ["core.multiPackIndex", "false"],
  // Fetch and push run this command in a shell for each alternate of the object store. By default they run git there,
  // under the configuration of that other repository.
  ["core.alternateRefsCommand", ":"],
  ["core.sshCommand", "false"],
  ["core.gitProxy", ""],
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
  // Both settings run `gpg.program`.
  ["merge.verifySignatures", "false"],
  ["log.showSignature", "false"],
  ["rerere.enabled", "false"],
  // Relative pointers would write an extension into the operator's configuration that an older git refuses.
  ["worktree.useRelativePaths", "false"],
  // A later git may choose another format; we write refs by hand in this one.
  ["init.defaultRefFormat", "files"],
  ["checkout.workers", "0"],
  // large-files.ts names its own filter; a repository's is never run.
  ["filter.lfs.process", ""],
  ["filter.lfs.clean", ""],
  ["filter.lfs.smudge", ""],
  ["filter.lfs.required", "false"],
  // Housekeeping in the background would outlive the command and rewrite the operator's object store.
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
];

export function gitEnvironment(parts: GitEnvironmentParts): Record<string, string> {
  const { name, email } = parts.identity;
  return {
    ...parts.variables,
    PATH: absoluteEntries(parts.path),
    // A `.netrc` in a directory that an agent can write to would name another account.
    HOME: parts.remoteUrl === undefined ? parts.home : devNull,
    XDG_CONFIG_HOME: parts.home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: devNull,
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    // This file cannot exist. A file that exists, even an empty one, makes git print a hint.
    GIT_GRAFT_FILE: `${devNull}/grafts`,
    // Git reads this from 2.45 on; in older ones GIT_ALLOW_PROTOCOL keeps a partial clone from fetching what is
    // missing.
    GIT_NO_LAZY_FETCH: parts.variables["GIT_NO_LAZY_FETCH"] ?? "1",
    // Git reads an empty list as "no transport at all", which is what local work wants.
    GIT_ALLOW_PROTOCOL: parts.protocols.join(":"),
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    ...configVariables([...HARDENING, ...remotePins(parts), ...parts.config]),
  };
}

/**
 * Git takes the most specific `http.<url>.*`, and of equal ones the last, which is ours (git-config(1)). An empty proxy
 * means none, even where a file names one; the operator's own comes from the environment.
 */
function remotePins({ remoteUrl, variables }: GitEnvironmentParts): readonly ConfigPair[] {
  if (remoteUrl === undefined) return [];
  const proxy = proxyOf(remoteUrl, variables);
  const pins: readonly ConfigPair[] = [
    ["proxy", proxy],
    ["sslVerify", "true"],
    ["curloptResolve", ""],
    ["cookieFile", ""],
    ["saveCookies", "false"],
    ["followRedirects", "initial"],
  ];
  return [
    [`remote.${remoteUrl}.proxy`, proxy],
    ...pins.map(([key, value]) => [`http.${remoteUrl}.${key}`, value] as const),
  ];
}

/** Looks for the proxy as git itself does: small letters come first, and `HTTP_PROXY` is never read. */
function proxyOf(url: string, variables: Readonly<Record<string, string>>): string {
  const names = url.startsWith("https:") ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"];
  return [...names, "all_proxy", "ALL_PROXY"].map((name) => variables[name]).find((value) => value) ?? "";
}

function configVariables(pairs: readonly ConfigPair[]): Record<string, string> {
  const variables: Record<string, string> = { GIT_CONFIG_COUNT: String(pairs.length) };
  for (const [index, [key, value]] of pairs.entries()) {
    variables[`GIT_CONFIG_KEY_${index}`] = key;
    variables[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return variables;
}
