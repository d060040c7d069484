// The tokens that open the doors, by their hashes. A reload reads both files again, and uses either both or none: a
// file that is missing, unreadable or readable by others leaves the tokens in use as they are.

import { ensureTokenFile, hashToken } from "../../core/http/bearer-token.ts";
import { messageOf } from "../../core/base/errors.ts";
import type { SupervisorPaths } from "../../core/files/paths.ts";
import type { Redactor } from "../../core/logs/redact.ts";
import { fail, ok } from "../../core/base/result.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";
import { readTokenFile } from "../../core/files/token-file.ts";

type TokenPaths = Pick<SupervisorPaths, "token" | "metricsToken">;

export interface TokenTexts {
  readonly admin: string;
  readonly metrics: string;
}

export interface TokenChanges {
  /** The names of the changed tokens, for people. */
  readonly changed: readonly string[];
  /** True when the admin token changed: workers know it by its hash, since their start. */
  readonly affectsWorkers: boolean;
}

export class DoorTokens {
  readonly #paths: TokenPaths;
  #admin: string;
  #metrics: string;

  /** Loads both tokens, and makes those that are not there yet. Throws TOKEN_FILE_OPEN. */
  static async load(paths: TokenPaths, redactor: Redactor): Promise<DoorTokens> {
    const [admin, metrics] = await Promise.all([ensureTokenFile(paths.token), ensureTokenFile(paths.metricsToken)]);
    return new DoorTokens(paths, { admin, metrics }, redactor);
  }

  private constructor(paths: TokenPaths, texts: TokenTexts, redactor: Redactor) {
    this.#paths = paths;
    this.#admin = this.#metrics = "";
    this.use(texts, redactor);
  }

  readonly tokenHashes = (): readonly string[] => [this.#admin];
  readonly metricsTokenHashes = (): readonly string[] => [this.#metrics];

  async read(): Promise<ControlResult<TokenTexts>> {
    const [admin, metrics] = await Promise.all([readAgain(this.#paths.token), readAgain(this.#paths.metricsToken)]);
    if (!admin.ok) return admin;
    if (!metrics.ok) return metrics;
    return ok({ admin: admin.value, metrics: metrics.value });
  }

  /** Uses new tokens; the old ones open nothing any more. */
  use({ admin, metrics }: TokenTexts, redactor: Redactor): TokenChanges {
    redactor.add(admin);
    redactor.add(metrics);
    const affectsWorkers = this.#admin !== hashToken(admin);
    const changed = [
      ...(affectsWorkers ? ["admin token"] : []),
      ...(this.#metrics === hashToken(metrics) ? [] : ["metrics token"]),
    ];
    this.#admin = hashToken(admin);
    this.#metrics = hashToken(metrics);
    return { changed, affectsWorkers };
  }
}

async function readAgain(path: string): Promise<ControlResult<string>> {
  try {
    const text = await readTokenFile(path);
    if (text !== undefined) return ok(text);
    return fail({
      code: "bad_config",
      message: `${path} is missing or empty; a restart of the daemon makes a new one`,
    });
  } catch (error) {
    return fail({ code: "bad_config", message: `${path} cannot be used: ${messageOf(error)}` });
  }
}
