// A scenario runs once for every order in which its actors can take their steps. An actor is a client of GitHub in
// memory; a step is one call of it that touches what the others see. Everything between two steps belongs to the step
// before.

import type { Call, Method } from "./memory-fault.ts";
import type { MemoryClient } from "./memory-github.ts";

export interface Actor {
  readonly client: MemoryClient;
  run(): Promise<unknown>;
}

export interface Scenario {
  readonly actors: readonly Actor[];
  /** The scenario is checked after every step and at the end. */
  check(atEnd: boolean, trace: string): void | Promise<void>;
}

const SHARED: readonly Method[] = ["comments", "createComment", "updateComment"];

interface Runner {
  readonly name: string;
  /** Resolves when the actor waits before its next step, or has ended. */
  settled: Promise<unknown>;
  go: (() => void) | null;
  /** The actor waits before this call. */
  next: string;
}

/** Gives the number of orders that there were. */
export async function forEveryOrder(make: () => Scenario | Promise<Scenario>): Promise<number> {
  let orders = 0;
  for (let choices: number[] | undefined = []; choices !== undefined; orders += 1) {
    const taken: { choice: number; of: number }[] = [];
    await runOnce(await make(), choices, taken);
    choices = nextChoices(taken);
  }
  return orders;
}

async function runOnce(
  scenario: Scenario,
  choices: readonly number[],
  taken: { choice: number; of: number }[],
): Promise<void> {
  const trace: string[] = [];
  const runners = scenario.actors.map((actor, index) => start(actor, `actor ${index}`));
  for (;;) {
    await Promise.all(runners.map((runner) => runner.settled));
    await scenario.check(false, trace.join(" → "));
    const waiting = runners.filter((runner) => runner.go !== null);
    if (waiting.length === 0) break;
    const choice = choices[taken.length] ?? 0;
    taken.push({ choice, of: waiting.length });
    const runner = waiting[choice];
    trace.push(`${runner?.name} ${runner?.next}`);
    runner?.go?.();
  }
  await scenario.check(true, trace.join(" → "));
}

function start(actor: Actor, name: string): Runner {
  const runner: Runner = { name, settled: Promise.resolve(), go: null, next: "" };
  let arrive = () => undefined as void;
  const expectNext = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    runner.settled = promise;
    arrive = resolve;
  };
  actor.client.intercept = (call: Call, when) => {
    if (when === "after" || !SHARED.includes(call.method)) return undefined;
    const gate = Promise.withResolvers<void>();
    runner.next = `${call.method} ${call.detail}`;
    runner.go = () => {
      runner.go = null;
      expectNext();
      gate.resolve();
    };
    arrive();
    return gate.promise;
  };
  expectNext();
  // An actor may die in the middle; what it leaves behind is what the check looks at.
  actor.run().then(
    () => arrive(),
    () => arrive(),
  );
  return runner;
}

/** The last choice that has an alternative takes it; what came after starts anew. */
function nextChoices(taken: readonly { choice: number; of: number }[]): number[] | undefined {
  const last = taken.findLastIndex(({ choice, of }) => choice + 1 < of);
  if (last === -1) return undefined;
  return taken.slice(0, last + 1).map(({ choice }, index) => (index === last ? choice + 1 : choice));
}
