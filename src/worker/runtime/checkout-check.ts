// Whether the checkout is there and still the repository's. It is the operator's, who may move it or point it elsewhere at
// any time; here it is only looked at.

import { stat } from "node:fs/promises";
import { join } from "node:path";

import { isSameRepository, parseRemoteUrl, type RepositoryName } from "../../core/repository-name.ts";
import { commonDirectoryOf } from "../git/checkout.ts";
import type { Git } from "../git/git.ts";
import { readOrigin } from "./read-origin.ts";

export interface CheckoutCheckOptions {
  readonly git: Git;
  readonly repository: RepositoryName;
  readonly slug: string;
  /** Absolute. */
  readonly checkout: string;
  /** The operator named the repository, so the origin may say anything. */
  readonly isNamed: boolean;
}

export class CheckoutCheck {
  readonly #options: CheckoutCheckOptions;
  /** Of git's configuration when the origin was read: git runs again only when that has changed. */
  #stamp = "";
  #origin: string | null = null;

  constructor(options: CheckoutCheckOptions) {
    this.#options = options;
  }

  /** One line for people, null when all is well. */
  async problem(signal: AbortSignal): Promise<string | null> {
    const { checkout, slug, isNamed, repository } = this.#options;
    const found = await commonDirectoryOf(checkout);
    if (!found.ok) {
      const isThere = await stat(checkout).catch(() => undefined);
      const what = isThere === undefined ? `the checkout ${checkout} is not there` : found.failure.message;
      return `${what}; put it back, or remove ${slug} and add it where it is now`;
    }
    if (isNamed) return null;
    await this.#readOrigin(join(found.value, "config"), signal);
    const origin = parseRemoteUrl(this.#origin ?? "");
    if (origin.ok && isSameRepository(origin.value.fullName, repository.fullName)) return null;
    const names = origin.ok ? origin.value.fullName : "no repository";
    return `the origin of ${checkout} names ${names}, not ${repository.fullName}; set it back, or remove ${slug} and add it again`;
  }

  async #readOrigin(config: string, signal: AbortSignal): Promise<void> {
    const { git, checkout } = this.#options;
    const { ino, size, mtimeMs, ctimeMs } = (await stat(config).catch(() => null)) ?? {};
    const stamp = [ino, size, mtimeMs, ctimeMs].join(" ");
    if (stamp === this.#stamp) return;
    this.#origin = await readOrigin(git, checkout, signal);
    // Null may also be a git that could not run.
    this.#stamp = this.#origin === null ? "" : stamp;
  }
}
