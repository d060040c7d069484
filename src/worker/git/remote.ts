// The repository's remote, as we compute it: the only place where the credential meets git. Every command with a token
// runs in a bare transport repository of ours that borrows the checkout's objects, so that nothing an agent or a checkout
// can plant (pushurl, insteadOf, proxies, hooks, an upload-pack program) is ever read by a process that holds it.

import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { replaceFile } from "../../core/durable-file.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../core/paths.ts";
import type { RepositoryName } from "../../core/repository-name.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { checkBranchName, isSha } from "./branch-name.ts";
import type { Git, GitOutput } from "./git.ts";
import { type GitFailure, gitFailure } from "./git-failure.ts";
import { Mutex } from "./mutex.ts";
import { remoteCall, type RemoteAccess, remoteUrl } from "./remote-access.ts";
import { withToken } from "./remote-token.ts";

/** How many of the checkout's remote branches a fetch offers as known. */
const KNOWN_BRANCHES_MAX = 100;
const FETCH_OPTIONS = [
  "--quiet",
  "--no-tags",
  "--no-write-fetch-head",
  "--no-auto-maintenance",
  "--no-recurse-submodules",
];

export interface RemoteOptions {
  readonly git: Git;
  readonly access: RemoteAccess;
  readonly repository: RepositoryName;
  /** The checkout's git directory, the one that all its worktrees share. */
  readonly commonDirectory: string;
  /** Ours alone, in the worker's data root: the transport repository. Made when it is not there. */
  readonly transportDirectory: string;
}

export class Remote {
  readonly url: string;
  readonly #options: RemoteOptions;
  readonly #fetching = new Mutex();

  private constructor(options: RemoteOptions) {
    this.#options = options;
    this.url = remoteUrl(options.access, options.repository);
  }

  static async open(options: RemoteOptions): Promise<Remote> {
    const directory = options.transportDirectory;
    for (const part of ["objects", "refs"])
      await mkdir(join(directory, part), { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    await replaceFile(join(directory, "HEAD"), "ref: refs/heads/none\n");
    await replaceFile(join(directory, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
    return new Remote(options);
  }

  /** What the remote has now: the sha of each of `branches` that exists there. */
  async heads(
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    for (const branch of branches) {
      const checked = checkBranchName(branch);
      if (!checked.ok) return checked;
    }
    const listed = await this.#talk(
      ["ls-remote", "--quiet", "--", this.url, ...branches.map((branch) => `refs/heads/${branch}`)],
      signal,
    );
    if (!listed.ok) return listed;
    // `ls-remote` matches the end of names, so it also lists a branch that somebody called `x/refs/heads/main`.
    const found = parseHeads(listed.value.stdout, "refs/heads/");
    return ok(new Map([...found].filter(([branch]) => branches.includes(branch))));
  }

  async head(branch: string, signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    const heads = await this.heads([branch], signal);
    return heads.ok ? ok(heads.value.get(branch) ?? null) : heads;
  }

  /** Brings those of `branches` that the remote has into the checkout's refs/remotes/origin/*, and says where they are. */
  fetch(branches: readonly string[], signal: AbortSignal): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    return this.#fetching.run(() => this.#fetch(branches, signal), signal);
  }

  async #fetch(
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    const heads = await this.heads(branches, signal);
    if (!heads.ok || heads.value.size === 0) return heads;
    const known = await this.#trackedHeads(this.#options.commonDirectory, signal);
    if (!known.ok) return known;
    if ([...heads.value].every(([branch, sha]) => known.value.get(branch) === sha)) return heads;
    await this.#renewTransport(known.value);
    const refspecs = [...heads.value.keys()].map((branch) => `+refs/heads/${branch}:refs/remotes/origin/${branch}`);
    const fetched = await this.#talk(["fetch", ...FETCH_OPTIONS, "--", this.url, ...refspecs], signal);
    if (!fetched.ok) return fetched;
    const arrived = await this.#trackedHeads(this.#options.transportDirectory, signal);
    if (!arrived.ok) return arrived;
    const told = await this.#tellCheckout(arrived.value, signal);
    return told.ok ? arrived : told;
  }

  /**
   * Makes the remote's `branch` point at `sha`. `expected` is what the remote must have now, null for "no such branch";
   * anything else there is `rejected` and nothing changes.
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
    const pushed = await this.#talk(
      ["push", "--quiet", "--no-verify", "--no-recurse-submodules", lease, "--", this.url, `${push.sha}:${ref}`],
      signal,
    );
    if (!pushed.ok) return pushed;
    return this.#tellCheckout(new Map([[push.branch, push.sha]]), signal);
  }

  async #talk(gitArguments: readonly string[], signal: AbortSignal): Promise<Result<GitOutput, GitFailure>> {
    const { git, access: way, transportDirectory } = this.#options;
    const variables = await this.#variables();
    return withToken(
      way,
      (access) => git.run({ ...remoteCall(access, transportDirectory, gitArguments), variables }, signal),
      signal,
    );
  }

  async #variables(): Promise<Record<string, string>> {
    const { commonDirectory, transportDirectory } = this.#options;
    const variables = { GIT_DIR: transportDirectory, GIT_OBJECT_DIRECTORY: join(commonDirectory, "objects") };
    const shallow = join(commonDirectory, "shallow");
    const isShallow = await stat(shallow).then(
      (found) => found.isFile(),
      () => false,
    );
    return isShallow ? { ...variables, GIT_SHALLOW_FILE: shallow } : variables;
  }

  /**
   * Makes the transport repository offer what the checkout has, so that history is not loaded again. Anew each time: the
   * objects are the checkout's, and its housekeeping knows nothing of refs that stand here.
   */
  async #renewTransport(known: ReadonlyMap<string, string>): Promise<void> {
    const directory = this.#options.transportDirectory;
    await rm(join(directory, "refs"), { recursive: true, force: true });
    await mkdir(join(directory, "refs"), { mode: PRIVATE_DIRECTORY_MODE });
    const lines = [...new Set(known.values())].toSorted().map((sha) => `${sha} refs/known/${sha}\n`);
    await replaceFile(join(directory, "packed-refs"), `# pack-refs with: sorted\n${lines.join("")}`);
  }

  /** The newest of refs/remotes/origin/* in one of the two repositories. */
  async #trackedHeads(
    gitDirectory: string,
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    const options = ["--format=%(objectname)\t%(refname)", "--sort=-committerdate", `--count=${KNOWN_BRANCHES_MAX}`];
    const listed = await this.#options.git.run(
      {
        directory: gitDirectory,
        arguments: ["for-each-ref", ...options, "refs/remotes/origin"],
        variables: { ...(await this.#variables()), GIT_DIR: gitDirectory },
      },
      signal,
    );
    return listed.ok ? ok(parseHeads(listed.value.stdout, "refs/remotes/origin/")) : listed;
  }

  async #tellCheckout(heads: ReadonlyMap<string, string>, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const { git, commonDirectory } = this.#options;
    const input = [...heads].map(([branch, sha]) => `update refs/remotes/origin/${branch} ${sha}\n`).join("");
    const told = await git.run(
      {
        directory: commonDirectory,
        arguments: ["update-ref", "--stdin"],
        input,
        variables: { GIT_DIR: commonDirectory },
      },
      signal,
    );
    return told.ok ? ok() : told;
  }
}

/** Lines of a sha, a tab and a ref below `prefix`; others are left out. */
function parseHeads(output: string, prefix: string): ReadonlyMap<string, string> {
  const heads = new Map<string, string>();
  for (const line of output.split("\n")) {
    const [sha = "", ref = ""] = line.split("\t");
    if (isSha(sha) && ref.startsWith(prefix)) heads.set(ref.slice(prefix.length), sha);
  }
  return heads;
}
