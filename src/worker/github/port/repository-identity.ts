// Knows which repository the worker works on, under every name that GitHub gives it. GitHub answers for a transferred
// issue with a redirect to another repository, and for one below a renamed repository with a redirect to the same one;
// only the second may be followed, since nothing in this worker may read or change another repository.

import { isSameRepository, parseRepositoryName, type RepositoryName } from "../../../core/domain/repository-name.ts";
import { withoutTrailing } from "../../../core/base/trim-end.ts";

/** GitHub says this much of a repository. */
export interface Identity {
  readonly id: number;
  readonly fullName: string;
}

interface Place {
  /** The repository as `owner/name`, or `#` and the number that GitHub keeps for good. */
  readonly repository: string;
  /** The path below the repository, for instance `/issues/7`. */
  readonly rest: string;
}

const FOREIGN_MAX = 100;

export class RepositoryIdentity {
  readonly #basePath: string;
  readonly #names = new Set<string>();
  /** These names and numbers were looked up and belong to others. */
  readonly #foreign = new Set<string>();
  #name: RepositoryName;

  constructor(apiUrl: string, name: RepositoryName) {
    this.#basePath = withoutTrailing(new URL(apiUrl).pathname, "/");
    this.#name = name;
    this.#names.add(name.fullName.toLowerCase());
  }

  /** The name of today, as far as we know. */
  get name(): RepositoryName {
    return this.#name;
  }

  /** Takes GitHub's answer about our repository. */
  note({ id, fullName }: Identity): void {
    const parsed = parseRepositoryName(fullName);
    this.#names.add(`#${id}`).add(fullName.toLowerCase());
    this.#foreign.clear();
    if (parsed.ok && !isSameRepository(fullName, this.#name.fullName)) this.#name = parsed.value;
  }

  /** Asks GitHub at most once for each name that it does not know, and not at all for known ones. */
  async isOurs(repository: string, ask: () => Promise<Identity | null>): Promise<boolean> {
    const name = repository.toLowerCase();
    if (this.#names.has(name)) return true;
    if (this.#foreign.has(name)) return false;
    const identity = await ask();
    if (identity === null) return false;
    this.note(identity);
    if (this.#names.has(name)) return true;
    if (this.#foreign.size >= FOREIGN_MAX) this.#foreign.clear();
    this.#foreign.add(name);
    return false;
  }

  /** Says where a redirect below a repository leads: to the same thing in what may be ours, or to something else. */
  redirect(from: URL, to: URL): { readonly repository: string } | "follow" | "elsewhere" {
    const [asked, offered] = [this.#placeOf(from), this.#placeOf(to)];
    if (asked === null || (asked.rest === "" && offered?.rest === "")) return "follow";
    if (offered === null || offered.rest !== asked.rest) return "elsewhere";
    return isSameRepository(offered.repository, asked.repository) ? "follow" : { repository: offered.repository };
  }

  #placeOf({ pathname }: URL): Place | null {
    if (!pathname.startsWith(`${this.#basePath}/`)) return null;
    const path = withoutTrailing(pathname.slice(this.#basePath.length), "/");
    const named = /^\/repos\/([^/]+\/[^/]+)(\/.*)?$/.exec(path);
    if (named !== null) return { repository: decoded(named[1] ?? ""), rest: decoded(named[2] ?? "") };
    const numbered = /^\/repositories\/(\d+)(\/.*)?$/.exec(path);
    return numbered === null ? null : { repository: `#${numbered[1]}`, rest: decoded(numbered[2] ?? "") };
  }
}

/**
 * Reads `owner/name` out of the address of a repository, an issue, a pull request or a comment, for people or for
 * programs.
 */
export function repositoryIn(address: string): string | null {
  const path = /^[a-z]+:\/\/[^/]+(\/[^?#]*)/i.exec(address)?.[1] ?? "";
  const parts = path.split(/\/(?:issues|pulls?)\/(?=\d{1,15}(?:\/|$))/, 1)[0]?.split("/") ?? [];
  const [owner, name] = parts.filter((part) => part !== "").slice(-2);
  return owner === undefined || name === undefined ? null : `${owner}/${name}`;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
