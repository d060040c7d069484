// What several operations refuse with.

import type { ControlFailure } from "../../core/messages/supervisor-control.ts";

/** The first words are the first implementation's. */
export const NOT_FOUND: ControlFailure = {
  code: "not_found",
  message: "Repo not found; the list of repositories shows the slug of each",
};
export const SHUTTING_DOWN: ControlFailure = {
  code: "shutting_down",
  message: "the daemon is stopping; ask again when it is back",
};
