// What several operations refuse with.

import type { ControlFailure } from "../core/supervisor-control.ts";

export const NOT_FOUND: ControlFailure = { code: "not_found", message: "Repo not found" };
export const SHUTTING_DOWN: ControlFailure = {
  code: "shutting_down",
  message: "the daemon is stopping; ask again when it is back",
};
