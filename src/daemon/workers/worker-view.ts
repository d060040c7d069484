// The supervisor's view of a living worker, as its last words have it.

import type { WorkInFlight } from "../../core/messages/drain-control.ts";

/** The view has port 0 and pid null while there is no worker. */
export interface WorkerView {
  readonly pid: number | null;
  readonly port: number;
  readonly token: string;
  readonly inFlight: number;
  readonly notice: string | null;
  readonly work: readonly WorkInFlight[];
  /** True when the worker said that it takes no new issue. */
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
