// Inspects a directory that a client has named: whether HydraFlow can work beside it, and what the URL of its origin
// is. Whatever lies there may have been written by anybody, so nothing of it is parsed in this process.

import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

import { examineCheckout } from "../../core/checkout/checkout-problem.ts";
import { isShortage, nothingUnlessShort } from "../../core/checkout/git-directory.ts";
import type { GitHost } from "../../core/checkout/git-question.ts";
import { errnoOf } from "../../core/base/errors.ts";
import { fail, ok } from "../../core/base/result.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";

/** A directory on a network disk that does not answer must not hold a request for ever. */
const INSPECT_TIMEOUT_MS = 10_000;

export interface Checkout {
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly originUrl: string | null;
}

/** Takes `path` as the client wrote it: absolute, or under `~`. */
export async function inspectCheckout(
  path: string,
  host: GitHost,
  signal: AbortSignal,
): Promise<ControlResult<Checkout>> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(INSPECT_TIMEOUT_MS)]);
  const late = Promise.withResolvers<ControlResult<Checkout>>();
  const onAbort = (): void => late.resolve(notFound(path));
  limit.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([inspect(path, host, limit), late.promise]);
  } catch (error) {
    if (!isShortage(error)) throw error;
    return fail({ code: "storage_failed", message: `${path} could not be looked at: ${errnoOf(error)}; try again` });
  } finally {
    limit.removeEventListener("abort", onAbort);
  }
}

/** Makes `~` and `~/…` absolute; returns anything else as it is. */
export function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

async function inspect(path: string, host: GitHost, signal: AbortSignal): Promise<ControlResult<Checkout>> {
  const expanded = expandHome(path);
  if (!isAbsolute(expanded) || path.includes("\0")) {
    return fail({ code: "bad_request", message: `give an absolute path, not '${path.slice(0, 200)}'` });
  }
  const real = await realpath(expanded).catch(nothingUnlessShort);
  if (real === undefined) return notFound(path);
  const examined = await examineCheckout(real, host, signal);
  if (!examined.ok) return fail({ code: "not_a_checkout", message: examined.failure });
  return ok({ path: real, originUrl: examined.value.originUrl });
}

function notFound(path: string): ControlResult<never> {
  return fail({ code: "path_not_found", message: `Repo path not found: ${path}` });
}
