// Builds the environment of an agent from an allow-list: a variable that neither this file nor the operator names does
// not exist for it.
//
// I1 An agent gets no GitHub token and no token of ours, whoever names one.
// I2 Git settings of the operator are never inherited.

import { join } from "node:path";

import { absoluteEntries } from "../../../core/processes/search-path.ts";

const INHERITED = new Set([
  "PATH",
  "LANG",
  "LANGUAGE",
  "TERM",
  "TZ",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "no_proxy",
]); // prettier-ignore
const LOCALE = /^LC_[A-Z]+$/;

/**
 * I1 and I2: these are refused even when the operator names them: our credentials, and names that change which code
 *    runs.
 */
const REFUSED =
  /^(?:GIT_.*|GH_.*|GITHUB_.*|LD_.*|DYLD_.*|NODE_OPTIONS|NOTIFY_SOCKET|HYDRAFLOW_(?!DEMO_).*|HOME|TMPDIR|XDG_.*)$/;

const PATH_DEFAULT = "/usr/local/bin:/usr/bin:/bin";

export interface AgentEnvironmentOptions {
  /** The worker's own environment. */
  readonly parent: Readonly<Record<string, string | undefined>>;
  /** The names in the setting `agentEnvironment`. */
  readonly names: readonly string[];
  /** The turn's own home; see `agentDirectories`. */
  readonly home: string;
  /** The turn's TMPDIR; see agent-home.ts. */
  readonly temporary: string;
  /** These variables mark the process tree as ours. */
  readonly marks: Readonly<Record<string, string>>;
}

export function agentEnvironment(options: AgentEnvironmentOptions): Record<string, string> {
  const environment: Record<string, string> = { PATH: PATH_DEFAULT };
  for (const [name, value] of Object.entries(options.parent)) {
    if (value !== undefined && isHandedOn(name, options.names)) environment[name] = value;
  }
  environment["PATH"] = absoluteEntries(environment["PATH"] ?? PATH_DEFAULT);
  const { home, config, cache, data, state } = agentDirectories(options.home);
  return {
    ...environment,
    HOME: home,
    TMPDIR: options.temporary,
    XDG_CONFIG_HOME: config,
    XDG_CACHE_HOME: cache,
    XDG_DATA_HOME: data,
    XDG_STATE_HOME: state,
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
    ...options.marks,
  };
}

/** Returns absolute paths; all of them must exist before the agent starts. */
export function agentDirectories(home: string): Record<"home" | "config" | "cache" | "data" | "state", string> {
  return {
    home,
    config: join(home, ".config"),
    cache: join(home, ".cache"),
    data: join(home, ".local", "share"),
    state: join(home, ".local", "state"),
  };
}

function isHandedOn(name: string, configured: readonly string[]): boolean {
  if (INHERITED.has(name) || LOCALE.test(name)) return true;
  return configured.includes(name) && !REFUSED.test(name);
}
