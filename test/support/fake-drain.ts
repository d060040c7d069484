// This drain lives in memory and remembers what was asked of it.

import type { DrainControl, DrainReport } from "../../src/core/messages/drain-control.ts";
import { ok } from "../../src/core/base/result.ts";

export class FakeDrain implements DrainControl {
  readonly asked: string[] = [];
  #draining = false;

  report(): DrainReport {
    const since = this.#draining ? "2026-01-01T00:00:00.000Z" : null;
    return { draining: this.#draining, since, drained: this.#draining, repos: [] };
  }

  drain(timeoutMs: number) {
    this.asked.push(`drain ${timeoutMs}`);
    this.#draining = true;
    return Promise.resolve(ok(this.report()));
  }

  undrain(): DrainReport {
    this.asked.push("undrain");
    this.#draining = false;
    return this.report();
  }
}
