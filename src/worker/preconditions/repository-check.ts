// What GitHub says of the repository: whether it can be worked on at all, and what a person should know although work goes
// on. Looked at when the pipeline starts and then now and then; an answer that has not changed costs nothing.

import type { Clock } from "../../core/base/clock.ts";
import { isSameRepository, type RepositoryName } from "../../core/domain/repository-name.ts";
import type { GitHub, Repository } from "../github/port/github.ts";
import { ensureLabels } from "../issues/stage-labels.ts";

const LOOK_EVERY_MS = 5 * 60_000;
/** While the base branch is not there. */
const LOOK_SOON_MS = 15_000;
const CREDENTIALS = "see docs/github-credentials.md";

export interface RepositoryCheckOptions {
  readonly github: Pick<GitHub, "repository">;
  /** As the worker was started for it. */
  readonly name: RepositoryName;
  /** From the start. */
  readonly advice: string | null;
  readonly clock: Clock;
  readonly base: WatchedBase;
}

export interface WatchedBase {
  readonly branch: string;
  /** A setting names it, so the default branch may be any. */
  readonly isConfigured: boolean;
  /** Whether git has found lately that the remote has none. */
  readonly isAbsent: () => boolean;
  /** One line for people about what keeps every issue from that branch's files; null when nothing does. */
  readonly problem: () => string | null;
  /** One line for people about files that nobody has any more; null when none is. */
  readonly lost: () => string | null;
  /** Has git look again. */
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

  /** Lines for people that stop no work. */
  get advice(): readonly (string | null)[] {
    return [this.#renamed ?? this.#options.advice, this.#options.base.lost()];
  }

  /** The default branch is another one: the work is to be prepared anew. */
  get isBaseMoved(): boolean {
    return this.#isBaseMoved;
  }

  /** Null when all is well, or when GitHub did not answer: that is said by whoever needs the answer. */
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

/** Why nothing can be done in this repository; null when something can. */
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
  // Of what the base branch shows: whether anything may be read, with the fewest requests.
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
