// The repository's remote, as we compute it: the only place where the credential meets git. Every command with a token
// runs in a bare transport repository of ours that borrows the checkout's objects, so that nothing an agent or a checkout
// can plant (pushurl, insteadOf, proxies, hooks, an upload-pack program) is ever read by a process that holds it.

import { mkdir, readFile, stat } from "node:fs/promises";
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

/** How many of the checkout's remote branches the first fetch offers as known, so that it does not load history again. */
const KNOWN_BRANCHES_MAX = 100;

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
    return ok(parseHeads(listed.value.stdout, branches));
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
    const seeded = await this.#seed(signal);
    if (!seeded.ok) return seeded;
    const refspecs = [...heads.value.keys()].map((branch) => `+refs/heads/${branch}:refs/remotes/origin/${branch}`);
    const options = [
      "--quiet",
      "--no-tags",
      "--no-write-fetch-head",
      "--no-auto-maintenance",
      "--no-recurse-submodules",
    ];
    const fetched = await this.#talk(["fetch", ...options, "--", this.url, ...refspecs], signal);
    if (!fetched.ok) return fetched;
    const arrived = await this.#trackedHeads([...heads.value.keys()], signal);
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
    const call = remoteCall(this.#options.access, this.#options.transportDirectory, gitArguments);
    return this.#options.git.run({ ...call, variables: await this.#variables() }, signal);
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

  /** Offers what the checkout has already, once: an empty transport repository would ask for the whole history. */
  async #seed(signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const { git, commonDirectory, transportDirectory } = this.#options;
    const marker = join(transportDirectory, "seeded");
    if ((await readFile(marker, "utf8").catch(() => "")) === commonDirectory) return ok();
    const format = "--format=%(objectname)";
    const listed = await git.run(
      {
        directory: commonDirectory,
        arguments: [
          "for-each-ref",
          format,
          "--sort=-committerdate",
          `--count=${KNOWN_BRANCHES_MAX}`,
          "refs/remotes/origin",
        ],
        variables: { GIT_DIR: commonDirectory },
      },
      signal,
    );
    if (!listed.ok) return listed;
    const lines = [...new Set(listed.value.stdout.split("\n").filter(isSha))].map(
      (sha) => `update refs/known/${sha} ${sha}\n`,
    );
    if (lines.length > 0) {
      const stored = await git.run(
        {
          directory: transportDirectory,
          arguments: ["update-ref", "--stdin"],
          input: lines.join(""),
          variables: await this.#variables(),
        },
        signal,
      );
      if (!stored.ok) return stored;
    }
    await replaceFile(marker, commonDirectory);
    return ok();
  }

  async #trackedHeads(
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    const heads = new Map<string, string>();
    for (const branch of branches) {
      const resolved = await this.#options.git.run(
        {
          directory: this.#options.transportDirectory,
          arguments: ["rev-parse", "--verify", "--quiet", "--end-of-options", `refs/remotes/origin/${branch}`],
          variables: await this.#variables(),
        },
        signal,
      );
      if (!resolved.ok) return resolved;
      heads.set(branch, resolved.value.stdout.trim());
    }
    return ok(heads);
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

function parseHeads(output: string, branches: readonly string[]): ReadonlyMap<string, string> {
  const heads = new Map<string, string>();
  for (const line of output.split("\n")) {
    const [sha = "", ref = ""] = line.split("\t");
    const branch = ref.replace(/^refs\/heads\//, "");
    // `ls-remote` matches the end of names, so a branch `refs/heads/x` of somebody's making would match too.
    if (isSha(sha) && ref === `refs/heads/${branch}` && branches.includes(branch)) heads.set(branch, sha);
  }
  return heads;
}
