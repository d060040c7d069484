// Checks what GitHub says of the repository: whether it can be worked on at all, and what a person should know although
// work goes on. It looks every few minutes; an answer that has not changed costs nothing.

import type { Clock } from "../../core/base/clock.ts";
import { isSameRepository, type RepositoryName } from "../../core/domain/repository-name.ts";
import type { GitHub, Repository } from "../github/port/github.ts";
import { ensureLabels } from "../issues/stage-labels.ts";

const LOOK_EVERY_MS = 5 * 60_000;
/** The looks come this often while the base branch is not there. */
const LOOK_SOON_MS = 15_000;
const CREDENTIALS = "see docs/github-credentials.md";

export interface RepositoryCheckOptions {
  readonly github: Pick<GitHub, "repository">;
  /** The worker was started for this name. */
  readonly name: RepositoryName;
  /** It was found at the start. */
  readonly advice: string | null;
  readonly clock: Clock;
  readonly base: WatchedBase;
}

export interface WatchedBase {
  readonly branch: string;
  /** A setting names the branch, so the default branch may be any. */
  readonly isConfigured: boolean;
  /** It says whether git last found that the remote has no such branch. */
  readonly isAbsent: () => boolean;
  /** It returns one line for people about what keeps every issue from that branch's files; null when nothing does. */
  readonly problem: () => string | null;
  /** It returns one line for people about files that nobody has any more; null when there are none. */
  readonly lost: () => string | null;
  /** It has git look again. */
  readonly look: (signal: AbortSignal) => Promise<unknown>;
}

export class RepositoryCheck {
  readonly #options: RepositoryCheckOptions;
  #lookedAtMs: number;
  #problem: string | null = null;
  #isBaseMoved = false;
  #renamed: string | null = null;

  constructor(options: RepositoryCheckOptions) {
    this.#options = options;
    this.#lookedAtMs = options.clock.monotonicMs();
  }

  /** Returns lines for people about what stops no work. */
  get advice(): readonly (string | null)[] {
    return [this.#renamed ?? this.#options.advice, this.#options.base.lost()];
  }

  /** It is true when the default branch is another one, so that the work is to be prepared anew. */
  get isBaseMoved(): boolean {
    return this.#isBaseMoved;
  }

  /**
   * Returns one line for people; null when all is well. Where GitHub does not answer, the last answer stands, and
   * whoever needs a new one says so.
   */
  async problem(signal: AbortSignal): Promise<string | null> {
    const { clock, github, name, base } = this.#options;
    const dueMs = base.isAbsent() ? LOOK_SOON_MS : LOOK_EVERY_MS;
    if (clock.monotonicMs() - this.#lookedAtMs < dueMs) return this.#problem ?? base.problem();
    this.#lookedAtMs = clock.monotonicMs();
    const repository = await github.repository(signal).catch(() => null);
    if (repository?.ok !== true) return this.#problem ?? base.problem();
    if (base.isAbsent() || base.problem() !== null || base.lost() !== null) await base.look(signal);
    this.#isBaseMoved = !base.isConfigured && repository.value.defaultBranch !== base.branch;
    this.#problem = unfitness(repository.value) ?? this.#baseProblem(repository.value);
    this.#renamed = renamed(name, repository.value);
    return this.#problem ?? base.problem();
  }

  #baseProblem({ fullName, defaultBranch }: Repository): string | null {
    const { branch, isAbsent } = this.#options.base;
    if (this.#isBaseMoved)
      return `the default branch of ${fullName} is '${defaultBranch}' by now, not '${branch}'; work goes on there when what is in flight has ended`;
    return isAbsent() ? noBase(fullName, branch) : null;
  }
}

export function noBase(fullName: string, branch: string): string {
  return `${fullName} has no branch '${branch}'; push a first commit to it, or set baseBranch to one that is there`;
}

export function oddBase(fullName: string, branch: string): string {
  return `the base branch of ${fullName} is '${branch}', and HydraFlow takes letters, digits and . _ / + @ # = , % - in its name; rename it, or set baseBranch to another`;
}

/** Says why nothing can be done in this repository; null when something can. */
export function unfitness({ fullName, isArchived, hasIssues, mayPush }: Repository): string | null {
  if (isArchived) return `${fullName} is archived on GitHub, so nobody can change anything there`;
  if (!hasIssues) return `issues are disabled in ${fullName}; enable them in its settings on GitHub`;
  if (mayPush === false) return `the account of our credential may not push to ${fullName}; ${CREDENTIALS}`;
  return null;
}

/** Makes the labels, and says the first thing that a person should know. */
export async function adviceOf(
  start: {
    readonly github: GitHub;
    readonly name: RepositoryName;
    readonly now: Repository;
    readonly baseBranch: string;
    readonly labelPrefix: string;
  },
  signal: AbortSignal,
): Promise<string | null> {
  const { github, name, now, baseBranch, labelPrefix } = start;
  const labels = await ensureLabels(github, labelPrefix, signal);
  // The base branch's checks show with the fewest requests whether the credential may read checks.
  const checks = await github.checks(baseBranch, signal);
  const moved = renamed(name, now);
  if (moved !== null) return moved;
  if (!checks.ok && checks.failure.kind === "forbidden")
    return `no pull request will be merged: the checks of ${now.fullName} cannot be read with this credential; ${CREDENTIALS}`;
  return labels.ok ? null : `the labels of ${now.fullName} could not be made: ${labels.failure.message}`;
}

function renamed({ fullName }: RepositoryName, now: Repository): string | null {
  if (isSameRepository(fullName, now.fullName)) return null;
  return `${fullName} is ${now.fullName} on GitHub by now; set the origin of the checkout and add it anew`;
}
