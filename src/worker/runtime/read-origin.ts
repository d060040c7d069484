// What a checkout's origin remote says, read by git itself so that includes count.

import type { Git } from "../git/git.ts";

/** Null where there is no checkout, no origin, or no git. */
export async function readOrigin(git: Git, checkout: string, signal: AbortSignal): Promise<string | null> {
  const read = await git.run(
    { directory: checkout, arguments: ["config", "--get", "remote.origin.url"], answers: [1] },
    signal,
  );
  const origin = read.ok ? read.value.stdout.trim() : "";
  return origin === "" ? null : origin;
}
