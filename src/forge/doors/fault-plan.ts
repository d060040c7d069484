// Tests order faults in advance: each strikes the next matching requests, so many times, and is then used up. Beside
// them chance can strike a share of all requests.

import { seededRandom } from "./seeded-random.ts";

export type Fault =
  /** The forge answers this without doing the work. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly retryAfter?: number | undefined;
      /** The forge sends a text as a page of HTML, everything else as JSON. */
      readonly body?: unknown;
    }
  | { readonly kind: "rate-limited" }
  /** GitHub's page for people comes in place of JSON: no header says how long to wait. */
  | { readonly kind: "secondary-page" }
  /** `retryAfter` is in seconds. */
  | { readonly kind: "secondary-limit"; readonly retryAfter: number }
  /** The work is done, but the answer breaks off in the middle. */
  | { readonly kind: "half-body" }
  /** The connection is reset before any work. */
  | { readonly kind: "reset" }
  /** The work is done after this wait. */
  | { readonly kind: "stall"; readonly ms: number }
  /** The work is done, and the answer is 500. */
  | { readonly kind: "after-effect-500" };

export interface FaultOrder {
  readonly match: {
    readonly method?: string | undefined;
    /** It matches the path below `/api/v3`, without the query; a text matches paths that contain it. */
    readonly path?: RegExp | string | undefined;
  };
  /** It is 1 when absent. */
  readonly times?: number | undefined;
  readonly fault: Fault;
}

export interface FaultRate {
  /** This share, from 0 to 1, of the requests that no order strikes is struck. */
  readonly share: number;
  /** Chance picks one of them, each as likely as the others. */
  readonly faults: readonly Fault[];
  /** The same seed strikes the same requests of one order. */
  readonly seed: number;
}

const ORDERS_MAX = 1_000;

export class FaultPlan {
  #orders: { readonly order: FaultOrder; left: number }[] = [];
  #chance: () => Fault | undefined = () => undefined;

  plan(order: FaultOrder): void {
    if (this.#orders.length >= ORDERS_MAX) throw new RangeError(`at most ${ORDERS_MAX} faults can wait`);
    this.#orders.push({ order, left: order.times ?? 1 });
  }

  /** This rate replaces the rate so far. */
  strikeAtRate({ share, faults, seed }: FaultRate): void {
    const random = seededRandom(seed);
    this.#chance = () => (random() < share ? faults[Math.floor(random() * faults.length)] : undefined);
  }

  clear(): void {
    this.#orders = [];
    this.#chance = () => undefined;
  }

  /** Orders will still strike so many requests. */
  get pending(): number {
    return this.#orders.reduce((sum, { left }) => sum + left, 0);
  }

  /** Gives the fault for this request, which counts as having struck. Earlier orders come first, chance comes last. */
  take(method: string, path: string): Fault | undefined {
    const found = this.#orders.find(({ order }) => isMatch(order.match, method, path));
    if (found === undefined) return this.#chance();
    found.left -= 1;
    if (found.left <= 0) this.#orders = this.#orders.filter((other) => other !== found);
    return found.order.fault;
  }
}

function isMatch(match: FaultOrder["match"], method: string, path: string): boolean {
  if (match.method !== undefined && match.method.toUpperCase() !== method) return false;
  if (match.path === undefined) return true;
  return typeof match.path === "string"
    ? path.includes(match.path)
    : // Only tests order faults by an expression, and each brings its own.
      // oxlint-disable-next-line hydraflow/linear-expression
      new RegExp(match.path.source, match.path.flags.replace(/[gy]/g, "")).test(path);
}
