// What a checkout's origin remote says, read by git itself so that includes count.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../core/clock.ts";
import { createGit } from "../git/git.ts";

/** Null where there is no checkout, no origin, or no git. */
export async function readOrigin(checkout: string, path: string | undefined, signal: AbortSignal): Promise<string | null> {
  const home = await mkdtemp(join(tmpdir(), "hydraflow-origin-"));
  try {
    const identity = { name: "HydraFlow", email: "hydraflow@users.noreply.github.com" };
    const git = createGit({ path: path ?? "/usr/bin:/bin", home, identity, clock: systemClock, redact: (text) => text });
    const read = await git.run({ directory: checkout, arguments: ["config", "--get", "remote.origin.url"], answers: [1] }, signal);
    const origin = read.ok ? read.value.stdout.trim() : "";
    return origin === "" ? null : origin;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
