// Fetches what a partial clone lacks (git-clone(1), --filter). The operator's git would fetch it when it needs it, with
// the operator's credential; ours may not use the network in a checkout. So everything that our next commands read of a
// commit is fetched before, by name, as git itself would do it.

import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { fail, ok, type Result } from "../../../core/base/result.ts";
import type { GitCall, GitOutput } from "../command/git.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";

const LIST_BYTES_MAX = 128 * 1_048_576;
/** The rounds are for trees, for subtrees at most once each, and for files. */
const ROUNDS_MAX = 4;
const LIST = ["rev-list", "--objects", "--missing=print", "--no-object-names", "--no-walk", "--stdin"];
const FETCH = [
  "-c",
  "fetch.negotiationAlgorithm=noop",
  "fetch",
  "--quiet",
  "--no-tags",
  "--no-write-fetch-head",
  "--no-auto-maintenance",
  "--recurse-submodules=no",
  "--filter=blob:none",
  "--stdin",
];

export type Ask = (call: Omit<GitCall, "directory">) => Promise<Result<GitOutput, GitFailure>>;

/** Says whether the checkout may lack objects: git marks each pack that it got with a filter. */
export async function isPartialClone(commonDirectory: string): Promise<boolean> {
  const names = await readdir(join(commonDirectory, "objects", "pack")).catch(() => []);
  return names.some((name) => name.endsWith(".promisor"));
}

/**
 * Brings the trees and files of `commits` and of their parents. `look` reads objects without the network, `talk` is the
 * remote's. Trees come first, since only they say which files there are.
 */
export async function fetchMissing(
  commits: readonly string[],
  { look, talk, url }: { readonly look: Ask; readonly talk: Ask; readonly url: string },
): Promise<Result<undefined, GitFailure>> {
  const input = commits.flatMap((commit) => [commit, `${commit}^@`]).join("\n");
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const listed = await look({ arguments: LIST, input, outputBytesMax: LIST_BYTES_MAX });
    if (!listed.ok) return listed;
    const missing = listed.value.stdout.split("\n").filter((line) => line.startsWith("?"));
    if (missing.length === 0) return ok();
    const objects = missing.map((line) => `${line.slice(1)}\n`).join("");
    const fetched = await talk({ arguments: [...FETCH, url], input: objects });
    if (!fetched.ok) return fetched;
  }
  return fail(gitFailure("failed", "the checkout is a partial clone, and the remote does not send what it lacks"));
}
