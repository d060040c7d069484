// A test orders what goes wrong with the calls of one client: refusals, lost answers, and the end of the process.

import type { GitHub, GitHubFailure } from "../../src/worker/github/port/github.ts";

export type Method = Exclude<keyof GitHub, "rateLimit">;

export interface Call {
  readonly method: Method;
  /** It counts from 1 over all calls of the client. */
  readonly index: number;
  readonly detail: string;
}

export interface Fault {
  /** It strikes the n-th call from now (of this method, where one is named), counted from 1. */
  readonly at: number;
  readonly method?: Method;
  /** `after` means that the effect happened and the answer is lost. */
  readonly when: "before" | "after";
  /** `crash` throws `Crash` and leaves the client dead: the process is gone. */
  readonly how: "crash" | GitHubFailure;
}

export class Crash extends Error {
  constructor() {
    super("the process ended here");
  }
}

/** The plan holds the faults that wait for their call. */
export class FaultPlan {
  readonly #faults: { readonly fault: Fault; seen: number }[] = [];
  #dead = false;

  add(fault: Fault): void {
    this.#faults.push({ fault, seen: 0 });
  }

  /** Counts the call and gives the faults that strike it. */
  take(method: Method): readonly Fault[] {
    const due: Fault[] = [];
    for (const entry of this.#faults) {
      if (entry.fault.method !== undefined && entry.fault.method !== method) continue;
      entry.seen += 1;
      if (entry.seen === entry.fault.at) due.push(entry.fault);
    }
    return due;
  }

  /** Gives the failure to answer with, if any. Throws `Crash` at a crash, and at every call after it. */
  strike(due: readonly Fault[], when: "before" | "after"): GitHubFailure | undefined {
    const fault = due.find((each) => each.when === when);
    if (fault?.how === "crash") this.#dead = true;
    if (this.#dead) throw new Crash();
    return fault?.how === "crash" ? undefined : fault?.how;
  }
}

/** Makes a failure that may pass by itself: a lost connection or a busy server looks like this. */
export function unreachable(message = "no answer"): GitHubFailure {
  return { kind: "unreachable", message, status: 0, retryable: true, retryAt: null };
}

/** Makes a failure that surely had no effect. */
export function forbidden(message = "not allowed"): GitHubFailure {
  return { kind: "forbidden", message, status: 403, retryable: false, retryAt: null };
}
