// The tests of what can be seen from outside watch a daemon whose workers belong to an embedded forge.

import { join } from "node:path";

import { expect } from "vitest";

import type { Forge } from "../../src/forge/forge.ts";
import { DaemonRig } from "../support/daemon-rig.ts";
import { git } from "../support/sample-checkout.ts";

/** Starts a daemon on the forge with the demo agent, and worktrees below `directory`. */
export function startObserved(forge: Forge, directory: string, config: object): Promise<DaemonRig> {
  return DaemonRig.start({
    config: {
      githubApiUrl: forge.url,
      agentDriver: "demo",
      worktreeBase: join(directory, "worktrees"),
      ...config,
    },
    environment: { GITHUB_TOKEN: forge.token },
  });
}

/** Clones `acme/<name>` of the forge below `directory`, and gives the clone to the daemon. */
export async function addClone(rig: DaemonRig, forge: Forge, directory: string, name: string): Promise<void> {
  await git(directory, "clone", "-q", `${forge.url}/acme/${name}.git`, name);
  expect((await rig.http("POST", "/api/repos", { path: join(directory, name) })).body["slug"]).toBe(`acme-${name}`);
}
