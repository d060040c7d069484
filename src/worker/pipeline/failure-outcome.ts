// Says what a failed git or GitHub call means for the run. A failure that may pass by itself is waited for and costs no
// attempt. Pure.

import { assertNever } from "../../core/base/errors.ts";
import type { GitFailure } from "../git/command/git-failure.ts";
import type { GitHubFailure } from "../github/port/github.ts";
import { handOff, handOut, retry, type StageOutcome, wait } from "./stage-outcome.ts";

export function gitHubOutcome(failure: GitHubFailure): StageOutcome {
  if (failure.retryable) return wait(`GitHub: ${failure.message}`, failure.retryAt, "github");
  if (failure.kind === "unauthorized")
    return wait(`GitHub does not accept our credential: ${failure.message}`, null, "github-credential");
  return retry(`GitHub refused: ${failure.message}`);
}

export function gitOutcome(failure: GitFailure): StageOutcome {
  switch (failure.kind) {
    case "locked":
      return wait(`git: ${failure.message}`, null, "git-locked");
    case "network":
      return wait(`git: ${failure.message}`, null, "git-network");
    case "base-gone":
      return wait(`git: ${failure.message}`, null, "git-base");
    case "large-files":
      return wait(`git: ${failure.message}`, null, "git-large-files");
    case "short":
      return shortOutcome(failure.message);
    case "auth":
      return wait(`git's remote does not accept our credential: ${failure.message}`, null, "git-credential");
    case "config-changed":
      return handOff(
        "agent",
        `Git's own configuration was changed while code from this branch ran. It was put back, and nothing was committed.\n\n${failure.message}\n\nLook at what did that before you let the work go on.`,
      );
    case "refused":
      return handOut("git", refusedQuestion(failure));
    case "conflict":
    case "not-found":
    case "rejected":
    case "failed":
      return retry(`git: ${failure.message}`);
    default:
      return assertNever(failure.kind);
  }
}

/** A shortage of the machine says nothing about the work, so it costs no attempt. */
export function shortOutcome(what: string): StageOutcome {
  return wait(`this machine is short: ${what}`, null, "machine");
}

/** Asks in the server's own words, as a code block because they may quote names of files that an agent chose. */
function refusedQuestion({ message, remote }: GitFailure): string {
  const words = (remote || message)
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
  return `A rule of the server refuses the push, so trying again or working on cannot help:\n\n${words}\n\nThe work is done and kept. Change the rule or what it asks for, then answer here; it is pushed as it is.`;
}
