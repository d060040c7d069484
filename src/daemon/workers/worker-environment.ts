// The environment of a worker, built from an allow-list: nothing leaks from the operator's shell. Secrets and settings
// travel over IPC; here stand only the marks of the tree and what programs need to run at all.

import { SPAWN_VARIABLE, TREE_VARIABLE } from "../../core/messages/worker-message.ts";

const INHERITED = new Set(
  (
    "PATH HOME USER LOGNAME SHELL TMPDIR TZ LANG LANGUAGE SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS " +
    "NODE_COMPILE_CACHE"
  ).split(" "),
);
const LOCALE = /^LC_[A-Z]+$/;
/** Workers do not get these even when the operator names them: our credentials, and names that change
 * which code runs. */
const REFUSED = /^(?:GIT_.*|GH_.*|GITHUB_.*|LD_.*|DYLD_.*|NODE_OPTIONS|NOTIFY_SOCKET|HYDRAFLOW_(?!DEMO_).*)$/;
const PROXY = /^(?:https?|all|no)_proxy$/i;

export interface WorkerEnvironmentOptions {
  /** The daemon's own environment. */
  readonly parent: Readonly<Record<string, string | undefined>>;
  /** The names in the setting `agentEnvironment`: the operator wants agents to have these. */
  readonly agentNames: readonly string[];
  /** Undefined before the process has a repository. */
  readonly dataRoot: string | undefined;
  readonly tree: string;
  readonly spawnId: string;
}

export function workerEnvironment(options: WorkerEnvironmentOptions): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.parent)) {
    if (value !== undefined && isHandedOn(name, value, options.agentNames)) environment[name] = value;
  }
  return {
    ...environment,
    ...(options.dataRoot === undefined ? {} : { HYDRAFLOW_HOME: options.dataRoot }),
    [TREE_VARIABLE]: options.tree,
    [SPAWN_VARIABLE]: options.spawnId,
  };
}

/** Finds the proxies with a password, which go to the worker over IPC. */
export function secretProxies(parent: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parent).filter(
      (entry): entry is [string, string] => PROXY.test(entry[0]) && entry[1]?.includes("@") === true,
    ),
  );
}

/** A proxy address with credentials in it is a secret. */
function isHandedOn(name: string, value: string, agentNames: readonly string[]): boolean {
  if (PROXY.test(name)) return !value.includes("@");
  return INHERITED.has(name) || LOCALE.test(name) || (agentNames.includes(name) && !REFUSED.test(name));
}
