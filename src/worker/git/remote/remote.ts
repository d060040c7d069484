// Talks with the repository's remote, whose URL we compute.
//
// I1 A process that holds the credential reads nothing that an agent or a checkout can plant (pushurl, insteadOf,
//    proxies, hooks, an upload-pack program): each talk runs in a bare git directory that was written a moment before,
//    for that one talk (bare-view.ts). Beside this file only clone.ts gives git the credential, before there is a
//    checkout.

import { RecentMap } from "../../../core/base/recent-map.ts";
import type { RepositoryName } from "../../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { type BareView, BareViews } from "./bare-view.ts";
import { checkBranchName, isSha } from "../command/branch-name.ts";
import type { Git, GitCall, GitOutput } from "../command/git.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";
import { LargeFiles, type TalkIn } from "./large-files.ts";
import { Mutex } from "../command/mutex.ts";
import { type Ask, fetchMissing, isPartialClone } from "./partial-clone.ts";
import { remoteCall, type RemoteAccess, remoteUrl } from "./remote-access.ts";
import { withToken } from "./remote-token.ts";
import { parseHeads, readTrackedHeads, updateTrackingRefs } from "./tracking-refs.ts";

/** At most this many commits and branches are remembered; whatever is forgotten is asked of git again. */
const REMEMBERED_MAX = 1_000;
const FETCH_OPTIONS = [
  "--quiet",
  "--no-tags",
  "--no-write-fetch-head",
  "--no-auto-maintenance",
  "--no-recurse-submodules",
];

const PARTIAL_FILTER = "--filter=blob:none";
const PUSH = ["push", "--quiet", "--no-verify", "--no-recurse-submodules"];
/** A view that is no partial clone fetches nothing lazily; in one that is, a delta may need a missing object. */
const LAZY = { GIT_NO_LAZY_FETCH: "0" };

export interface RemoteOptions {
  readonly git: Git;
  readonly access: RemoteAccess;
  readonly repository: RepositoryName;
  /** The git directory that the checkout and all its worktrees share. */
  readonly commonDirectory: string;
  /** I1: the git directory of each talk is made in this directory of ours, which is emptied at the start. */
  readonly transportDirectory: string;
  /** Returns git-lfs's absolute path; null when the machine has none. */
  readonly findGitLfs?: () => Promise<string | null>;
}

export class Remote {
  readonly url: string;
  /** These views are for whoever reads objects and nothing else of the checkout. */
  readonly views: BareViews;
  readonly largeFiles: LargeFiles;
  readonly #options: RemoteOptions;
  readonly #fetching = new Mutex();
  /** A partial clone lacks nothing of these commits any more. */
  readonly #whole = new RecentMap<string, true>(REMEMBERED_MAX);
  readonly #absent = new RecentMap<string, true>(REMEMBERED_MAX);
  readonly #pushed = new Map<string, string>();

  private constructor(options: RemoteOptions, views: BareViews) {
    this.#options = options;
    this.views = views;
    const { findGitLfs: findProgram = () => Promise.resolve(null), commonDirectory } = options;
    this.largeFiles = new LargeFiles({
      views,
      commonDirectory,
      findProgram,
      url: remoteUrl(options.access, options.repository),
    });
    this.url = remoteUrl(options.access, options.repository);
  }

  static async open(options: RemoteOptions): Promise<Remote> {
    const views = await BareViews.open({ ...options, directory: options.transportDirectory });
    return new Remote(options, views);
  }

  /** Returns what this process has pushed to `branch` last; null when nothing. */
  lastPushed(branch: string): string | null {
    return this.#pushed.get(branch) ?? null;
  }

  /** Says whether the last fetch of `branch` found none. */
  isAbsent(branch: string): boolean {
    return this.#absent.get(branch) === true;
  }

  /** Returns what the remote has now: the sha of each of `branches` that exists there. */
  async heads(
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    for (const branch of branches) {
      const checked = checkBranchName(branch);
      if (!checked.ok) return checked;
    }
    const found = await this.#list(branches, signal);
    // `ls-remote` matches the end of names, so it also lists a branch that somebody called `x/refs/heads/main`.
    return found.ok ? ok(new Map([...found.value].filter(([branch]) => branches.includes(branch)))) : found;
  }

  /**
   * Returns the first of `names` that the remote can have: no branch there has the name of a directory on its way, or
   * lies below it.
   */
  async firstPossible(names: readonly string[], signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    const found = await this.#list(
      names.flatMap((name) => [...directoriesOf(name), `${name}/*`]),
      signal,
    );
    if (!found.ok) return found;
    const taken = [...found.value.keys()];
    const isPossible = (name: string) =>
      !taken.some((branch) => branch.startsWith(`${name}/`) || name.startsWith(`${branch}/`));
    return ok(names.find(isPossible) ?? null);
  }

  async #list(
    patterns: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    const made = await this.views.make(signal);
    if (!made.ok) return made;
    await using view = made.value;
    const refs = patterns.map((pattern) => `refs/heads/${pattern}`);
    const listed = await this.#talk(view, { arguments: ["ls-remote", "--quiet", "--", this.url, ...refs] }, signal);
    return listed.ok ? ok(parseHeads(listed.value.stdout, "refs/heads/")) : listed;
  }

  async head(branch: string, signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    const heads = await this.heads([branch], signal);
    return heads.ok ? ok(heads.value.get(branch) ?? null) : heads;
  }

  /** Brings those of `branches` that the remote has to the checkout's refs/remotes/origin/*, and returns their shas. */
  fetch(branches: readonly string[], signal: AbortSignal): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    return this.#fetching.run(() => this.#fetch(branches, signal), signal);
  }

  async #fetch(
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    const fetched = await this.#fetchHeads(branches, signal);
    if (!fetched.ok) return fetched;
    for (const branch of branches)
      if (fetched.value.has(branch)) this.#absent.delete(branch);
      else this.#absent.set(branch, true);
    const wanted = new Map([...fetched.value].filter(([branch]) => branches.includes(branch)));
    const isPartial = await isPartialClone(this.#options.commonDirectory);
    const complete = isPartial ? await this.#complete([...wanted.values()], signal) : ok();
    if (!complete.ok) return complete;
    const downloaded = await this.largeFiles.download(wanted, this.#talkIn(signal), signal);
    return downloaded.ok ? fetched : downloaded;
  }

  async #fetchHeads(
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    const heads = await this.heads(branches, signal);
    if (!heads.ok || heads.value.size === 0) return heads;
    const { commonDirectory } = this.#options;
    const known = await readTrackedHeads(this.#options.git, ofCheckout(commonDirectory), signal);
    if (!known.ok) return known;
    if ([...heads.value].every(([branch, sha]) => known.value.get(branch) === sha)) return heads;
    // The checkout's branches are offered as known, so that their history is not loaded again.
    const isPartial = await isPartialClone(commonDirectory);
    const refs = new Map([...known.value.values()].map((sha) => [`refs/known/${sha}`, sha]));
    const made = await this.views.make(signal, refs, isPartial ? this.url : undefined);
    if (!made.ok) return made;
    await using view = made.value;
    const refspecs = [...heads.value.keys()].map((branch) => `+refs/heads/${branch}:refs/remotes/origin/${branch}`);
    const options = isPartial ? [...FETCH_OPTIONS, PARTIAL_FILTER] : FETCH_OPTIONS;
    const fetched = await this.#talk(view, { arguments: ["fetch", ...options, "--", this.url, ...refspecs] }, signal);
    if (!fetched.ok) return fetched;
    const arrived = await readTrackedHeads(this.#options.git, view, signal);
    if (!arrived.ok) return arrived;
    const updated = await updateTrackingRefs(this.#options, arrived.value, signal);
    return updated.ok ? arrived : updated;
  }

  /**
   * Makes the remote's `branch` point at `sha`. The remote must have `expected` now, null for "no such branch";
   * otherwise the push is `rejected` and nothing changes.
   */
  async push(
    push: { branch: string; sha: string; expected: string | null },
    signal: AbortSignal,
  ): Promise<Result<undefined, GitFailure>> {
    const checked = checkBranchName(push.branch);
    if (!checked.ok) return checked;
    if (!isSha(push.sha) || (push.expected !== null && !isSha(push.expected)))
      return fail(gitFailure("failed", "a push needs full object names"));
    const ref = `refs/heads/${push.branch}`;
    const lease = `--force-with-lease=${ref}:${push.expected ?? ""}`;
    const uploaded = await this.#upload(push, signal);
    if (!uploaded.ok) return uploaded;
    const made = await this.views.make(signal);
    if (!made.ok) return made;
    await using view = made.value;
    const pushed = await this.#talk(
      view,
      { arguments: [...PUSH, lease, "--", this.url, `${push.sha}:${ref}`] },
      signal,
    );
    if (!pushed.ok) return pushed;
    this.#pushed.set(push.branch, push.sha);
    return await updateTrackingRefs(this.#options, new Map([[push.branch, push.sha]]), signal);
  }

  async #upload(push: { branch: string; sha: string }, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const { commonDirectory } = this.#options;
    const known = await readTrackedHeads(this.#options.git, ofCheckout(commonDirectory), signal);
    if (!known.ok) return known;
    const to = { branch: push.branch, known: known.value.values() };
    return this.largeFiles.upload(push.sha, to, this.#talkIn(signal), signal);
  }

  #talkIn(signal: AbortSignal): TalkIn {
    return (view, call) => this.#talk(view, call, signal);
  }

  /** Fetches what a partial clone lacks of these commits and of their merge base. */
  async #complete(heads: readonly string[], signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const commits = heads.filter((sha) => this.#whole.get(sha) !== true);
    if (commits.length === 0) return ok();
    const made = await this.views.make(signal, new Map(), this.url);
    if (!made.ok) return made;
    await using view = made.value;
    const look: Ask = (call) => this.#options.git.run({ ...call, ...view }, signal);
    const shared = await look({ arguments: ["merge-base", "--octopus", ...heads], answers: [1] });
    if (!shared.ok) return shared;
    const talk: Ask = (call) => this.#talk(view, call, signal);
    const parted = shared.value.stdout.trim();
    const all = parted === "" ? commits : [...commits, parted];
    const fetched = await fetchMissing(all, { look, talk, url: this.url });
    if (fetched.ok) for (const sha of commits) this.#whole.set(sha, true);
    return fetched;
  }

  #talk(
    view: BareView,
    call: Pick<GitCall, "arguments" | "input" | "config">,
    signal: AbortSignal,
  ): Promise<Result<GitOutput, GitFailure>> {
    const { git, access: way } = this.#options;
    const variables = { ...view.variables, ...LAZY };
    const talk = { ...call, directory: view.directory, remoteUrl: this.url };
    return withToken(
      way,
      (access) => {
        const remote = remoteCall(access, talk);
        return git.run(
          { ...call, ...remote, config: [...(remote.config ?? []), ...(call.config ?? [])], variables },
          signal,
        );
      },
      signal,
    );
  }
}

function ofCheckout(directory: string) {
  return { directory, variables: { GIT_DIR: directory } };
}

function directoriesOf(name: string): string[] {
  const parts = name.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
