// Checks whether the checkout is there, sound and still the repository's. The operator may move it or point it
// elsewhere at any time; here it is only looked at.

import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";

import {
  examineCheckout,
  SENTENCES,
  type SoundCheckout,
  unwritablePart,
} from "../../core/checkout/checkout-problem.ts";
import type { GitHost } from "../../core/checkout/git-question.ts";
import { isSameRepository, parseRemoteUrl, type RepositoryName } from "../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";

/** Git waits for ever where a configuration includes a pipe. */
const LOOK_TIMEOUT_MS = 30_000;

export interface CheckoutCheckOptions extends GitHost {
  readonly repository: RepositoryName;
  readonly slug: string;
  /** It is absolute. */
  readonly checkout: string;
  /** The operator named the repository, so the origin may say anything. */
  readonly isNamed: boolean;
}

export class CheckoutCheck {
  readonly #options: CheckoutCheckOptions;
  /**
   * It keeps git's last answer and the state of the files that it was about; git is asked again only when one has
   * changed.
   */
  #last: { readonly sound: SoundCheckout; readonly stamp: string } | null = null;

  constructor(options: CheckoutCheckOptions) {
    this.#options = options;
  }

  /** Returns one line for people; null when all is well. */
  async problem(signal: AbortSignal): Promise<string | null> {
    const { checkout, slug, isNamed, repository } = this.#options;
    const hint = `put it back, or remove ${slug} and add it where it is now`;
    const path = await realpath(checkout).catch(() => undefined);
    if (path === undefined) return `the checkout ${checkout} is not there; ${hint}`;
    const examined = await this.#examine(path, signal);
    if (!examined.ok)
      return examined.failure === SENTENCES.none(path) ? `${path} is no git checkout; ${hint}` : examined.failure;
    if (isNamed) return null;
    const origin = parseRemoteUrl(examined.value.originUrl ?? "");
    if (origin.ok && isSameRepository(origin.value.fullName, repository.fullName)) return null;
    const names = origin.ok ? origin.value.fullName : "no repository";
    return `the origin of ${checkout} names ${names}, not ${repository.fullName}; set it back, or remove ${slug} and add it again`;
  }

  async #examine(path: string, signal: AbortSignal): Promise<Result<SoundCheckout, string>> {
    if (this.#last !== null && (await stampOf(path, this.#last.sound)) === this.#last.stamp) {
      const unwritable = await unwritablePart(this.#last.sound.commonDirectory);
      return unwritable === null ? ok(this.#last.sound) : fail(unwritable);
    }
    this.#last = null;
    const examined = await examineCheckout(
      path,
      this.#options,
      AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]),
    );
    signal.throwIfAborted();
    if (examined.ok) this.#last = { sound: examined.value, stamp: await stampOf(path, examined.value) };
    return examined;
  }
}

async function stampOf(path: string, { commonDirectory }: SoundCheckout): Promise<string> {
  const files = [join(path, ".git"), commonDirectory, join(commonDirectory, "config"), join(path, ".gitattributes")];
  const found = await Promise.all(files.map((file) => stat(file).catch(() => null)));
  const [, , config] = found;
  const identities = found.map((file) => `${file?.ino} ${file?.uid}`);
  return [...identities, config?.size, config?.mtimeMs, config?.ctimeMs].join(" ");
}
