// What the supervisor knows of a living worker, as its last words have it.

import type { WorkInFlight } from "../../core/messages/drain-control.ts";

/** What can be read of the worker; port 0 and pid null while there is none. */
export interface WorkerView {
  readonly pid: number | null;
  readonly port: number;
  readonly token: string;
  readonly inFlight: number;
  readonly notice: string | null;
  readonly work: readonly WorkInFlight[];
  /** It said that it takes no new issue. */
  readonly draining: boolean;
}

export const NO_WORKER: WorkerView = {
  pid: null,
  port: 0,
  token: "",
  inFlight: 0,
  notice: null,
  work: [],
  draining: false,
};
