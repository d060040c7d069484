// The door's route table as a list of calls, for tests that must hold for every route.

import { createAdminApp } from "../../src/admin/admin-app.ts";
import { FakeControl } from "./fake-control.ts";
import { FakeDrain } from "../support/fake-drain.ts";

/** A door that nobody uses needs no more than these. */
export function idleDeps() {
  return {
    control: new FakeControl(),
    drain: new FakeDrain(),
    reload: () => Promise.reject(new Error("nobody calls it")),
    tokenHashes: () => [],
    metricsTokenHashes: () => [],
    log: { write: () => undefined, [Symbol.asyncDispose]: () => Promise.resolve() },
    paths: { logFile: "" },
    readiness: () => ({ ready: true, draining: false, problems: [] }),
    readUsage: () => ({ rssBytes: 0, heapUsedBytes: 0, cpuSeconds: 0 }),
    logDroppedBytes: () => 0,
    workerLogFile: () => "",
  };
}

export function routeCalls() {
  const { routes } = createAdminApp(idleDeps(), () => 0, new AbortController().signal);
  return routes.flatMap(({ methods, path, access }) => methods.map((method) => ({ method, path, access })));
}
