// Reads an issue's number out of a path.

import { fail, ok } from "../../core/base/result.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";

export function readIssueNumber(text: string): ControlResult<number> {
  if (/^[1-9]\d{0,9}$/.test(text)) return ok(Number(text));
  return fail({ code: "bad_request", message: "give the issue as its number" });
}
