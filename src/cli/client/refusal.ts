// Reads a problem document (RFC 9457) of the daemon into a line and an exit code. An answer that is none of ours, as a
// proxy gives it, is judged by its status alone.

import { parseJsonObject } from "../../core/files/json-lines.ts";
import type { Result } from "../../core/base/result.ts";
import type { ControlCode } from "../../core/messages/supervisor-control.ts";
import type { DaemonAddress } from "./daemon-address.ts";
import { type CliFailure, failWith } from "../print/failure.ts";

const EXIT_OF_CODE: Partial<Record<ControlCode, CliFailure["exit"]>> = {
  unauthorized: "notPermitted",
  forbidden_host: "notPermitted",
  busy: "tryAgain",
  too_many: "tryAgain",
  shutting_down: "tryAgain",
};

const EXIT_OF_STATUS: Readonly<Record<number, CliFailure["exit"]>> = {
  401: "notPermitted",
  403: "notPermitted",
  429: "tryAgain",
  503: "tryAgain",
};

export function refusalOf(status: number, body: string, address: DaemonAddress): Result<never, CliFailure> {
  const problem = parseJsonObject(body);
  const code = typeof problem?.["code"] === "string" ? problem["code"] : undefined;
  const detail = typeof problem?.["detail"] === "string" ? problem["detail"] : `the answer was HTTP status ${status}`;
  if (status === 401) {
    const hint = address.token === undefined ? "no token was sent" : "the token is not accepted";
    return failWith("notPermitted", `${hint}; run this as the user that owns ${address.home}, or set HYDRAFLOW_TOKEN`);
  }
  const exit = code === undefined ? EXIT_OF_STATUS[status] : EXIT_OF_CODE[code as ControlCode];
  return failWith(exit ?? "failure", detail);
}
