// Reads and writes what the remote's branches are, in the checkout's refs/remotes/origin/*. Where one of these is a
// symbolic ref, it is replaced: what it names is the operator's, a local branch perhaps.

import { ok, type Result } from "../../../core/base/result.ts";
import { isSha } from "../command/branch-name.ts";
import type { Git, GitCall } from "../command/git.ts";
import type { GitFailure } from "../command/git-failure.ts";

/** A fetch offers at most this many of the checkout's remote branches as known. */
const KNOWN_BRANCHES_MAX = 100;
const AREA = "refs/remotes/origin";

export interface TrackingCheckout {
  readonly git: Git;
  /** The git directory that the checkout and all its worktrees share. */
  readonly commonDirectory: string;
}

/**
 * `heads` has the sha by branch. A name in the way of one branch, left from a branch that the remote has no more, keeps
 * no other branch from being written.
 */
export async function updateTrackingRefs(
  checkout: TrackingCheckout,
  heads: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Result<undefined, GitFailure>> {
  const updated = await updateRefs(checkout, heads, signal);
  if (updated.ok || updated.failure.kind !== "conflict") return updated;
  for (const head of heads.size > 1 ? heads : []) {
    const alone = await updateRefs(checkout, new Map([head]), signal);
    if (!alone.ok && alone.failure.kind !== "conflict") return alone;
  }
  return ok();
}

/**
 * Returns the newest of refs/remotes/origin/* in the checkout or in a view. A ref whose commit is not there, since a
 * power cut took it or its lender is gone, keeps git from sorting them; it is left out, and the others count.
 */
export async function readTrackedHeads(
  git: Git,
  where: Pick<GitCall, "directory" | "variables">,
  signal: AbortSignal,
): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
  const ask = (gitArguments: readonly string[], input = "") =>
    git.run({ ...where, arguments: gitArguments, input }, signal);
  const list = ["for-each-ref", "--format=%(objectname)\t%(refname)", AREA];
  const sorted = await ask([...list, "--sort=-committerdate", `--count=${KNOWN_BRANCHES_MAX}`]);
  if (sorted.ok) return ok(parseHeads(sorted.value.stdout, `${AREA}/`));
  const listed = await ask(list);
  if (!listed.ok) return listed;
  const heads = [...parseHeads(listed.value.stdout, `${AREA}/`)];
  const found = await ask(
    ["cat-file", "--batch-check=%(objecttype) %(objectname)"],
    heads.map(([, sha]) => `${sha}\n`).join(""),
  );
  if (!found.ok) return found;
  const here = new Set(found.value.stdout.split("\n"));
  return ok(new Map(heads.filter(([, sha]) => here.has(`commit ${sha}`)).slice(0, KNOWN_BRANCHES_MAX)));
}

/** Reads lines of a sha, a tab and a ref below `prefix`; other lines are left out. */
export function parseHeads(output: string, prefix: string): ReadonlyMap<string, string> {
  const heads = new Map<string, string>();
  for (const line of output.split("\n")) {
    const [sha = "", ref = ""] = line.split("\t");
    if (isSha(sha) && ref.startsWith(prefix)) heads.set(ref.slice(prefix.length), sha);
  }
  return heads;
}

async function updateRefs(
  { git, commonDirectory }: TrackingCheckout,
  heads: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Result<undefined, GitFailure>> {
  const input = [...heads].map(([branch, sha]) => `update refs/remotes/origin/${branch} ${sha}\n`).join("");
  const updated = await git.run(
    {
      directory: commonDirectory,
      arguments: ["update-ref", "--no-deref", "--stdin"],
      input,
      variables: { GIT_DIR: commonDirectory },
    },
    signal,
  );
  return updated.ok ? ok() : updated;
}
