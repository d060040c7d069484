// The refusals that several operations share.

import type { ControlFailure } from "../../core/messages/supervisor-control.ts";

/** The message begins with the first implementation's words, which its clients look for. */
export const NOT_FOUND: ControlFailure = {
  code: "not_found",
  message: "Repo not found; the list of repositories shows the slug of each",
};
export const SHUTTING_DOWN: ControlFailure = {
  code: "shutting_down",
  message: "the daemon is stopping; ask again when it is back",
};
