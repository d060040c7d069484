// Finds where the daemon listens and what lets us in: flags, then the environment, then what the daemon left in its
// state directory. The token of a state directory goes to the daemon of that directory or to this machine, nowhere
// else.

import { homedir } from "node:os";
import { join, resolve } from "node:path";

import { readTextIfExists } from "../../core/files/durable-file.ts";
import { errnoOf } from "../../core/base/errors.ts";
import { parseJsonObject } from "../../core/files/json-lines.ts";
import { supervisorPaths } from "../../core/files/paths.ts";
import { ok, type Result } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import { readTokenFile } from "../../core/files/token-file.ts";
import { type CliFailure, failWith } from "../print/failure.ts";

export interface DaemonAddress {
  readonly url: URL;
  readonly home: string;
  readonly token: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const STATE_BYTES_MAX = 64 * 1024 * 1024;
const LOOPBACK_HOSTS = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** The parts of supervisor-state.json that a client reads. */
const doorSchema = z.looseObject({ httpPort: z.int().check(z.minimum(1), z.maximum(65_535)) });
const slugsSchema = z.looseObject({ repos: z.array(z.looseObject({ slug: z.string() })) });

export function homeOf(option: string | undefined, environment: Environment): string {
  return resolve(option ?? (environment["HYDRAFLOW_HOME"] || join(homedir(), ".hydraflow")));
}

export async function findDaemon(
  options: { readonly home: string | undefined; readonly url: string | undefined },
  environment: Environment,
): Promise<Result<DaemonAddress, CliFailure>> {
  const home = homeOf(options.home, environment);
  try {
    const url = await findUrl(options.url ?? (environment["HYDRAFLOW_URL"] || undefined), home);
    if (!url.ok) return url;
    const mayRead = LOOPBACK_HOSTS.has(url.value.hostname);
    const token =
      environment["HYDRAFLOW_TOKEN"] || (mayRead ? await readTokenFile(supervisorPaths(home).token) : undefined);
    return ok({ url: url.value, home, token });
  } catch (error) {
    if (errnoOf(error) !== "EACCES") throw error;
    return failWith(
      "notPermitted",
      `${home} belongs to another user; run this as that user, or set HYDRAFLOW_URL and HYDRAFLOW_TOKEN`,
    );
  }
}

/** Lists the slugs that the daemon of this state directory knows, for shell completion; none when it cannot be read. */
export async function readKnownSlugs(home: string): Promise<string[]> {
  const state = await readState(home, slugsSchema).catch(() => undefined);
  return state?.repos.map(({ slug }) => slug) ?? [];
}

export function noDaemonAt(place: string): Result<never, CliFailure> {
  return failWith(
    "noDaemon",
    `no daemon answers at ${place}; start it with: hydraflow daemon (or: systemctl start hydraflow)`,
  );
}

async function findUrl(given: string | undefined, home: string): Promise<Result<URL, CliFailure>> {
  if (given !== undefined) {
    const url = URL.canParse(given) ? new URL(given) : undefined;
    if (url?.protocol === "http:" || url?.protocol === "https:") return ok(url);
    return failWith("usage", `'${given}' is no address of a daemon; write it as http://127.0.0.1:8766`);
  }
  const state = await readState(home, doorSchema);
  return state === undefined ? noDaemonAt(home) : ok(new URL(`http://127.0.0.1:${state.httpPort}`));
}

async function readState<T>(home: string, schema: z.core.$ZodType<T>): Promise<T | undefined> {
  const text = await readTextIfExists(supervisorPaths(home).state, STATE_BYTES_MAX);
  const state = z.safeParse(schema, text === undefined ? undefined : parseJsonObject(text));
  return state.success ? state.data : undefined;
}
