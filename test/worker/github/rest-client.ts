// The port's adapter in front of the embedded forge, as a token sees it.

import { systemClock } from "../../../src/core/base/clock.ts";
import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import { createGitHub } from "../../../src/worker/github/calls/octokit-github.ts";
import { fixedCredential } from "../../../src/worker/github/port/credential.ts";
import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { type ForgeRig, NAME } from "../../forge/forge-rig.ts";

export interface RestOptions {
  readonly token: string | null;
  /** Failures are put in here. */
  readonly events: WorkerEvent[];
  readonly pagesMax?: number | undefined;
}

export function connectRest(rig: ForgeRig, { token, events, pagesMax = 200 }: RestOptions): GitHub {
  return createGitHub({
    apiUrl: rig.forge.url,
    repository: { owner: "acme", name: "web", fullName: NAME },
    credential: fixedCredential(token),
    userAgent: "hydraflow-test",
    clock: systemClock,
    onFailure: (event) => events.push(event),
    limits: { repeatDelayMs: 1, pagesMax },
  });
}
