// Runs the clocks of one turn: startup (until the first line), silence (between lines; longer while a tool runs) and
// the turn as a whole. The first that runs out aborts `signal`; `ranOut` says which one it was.

/** A test suite run by the agent is silent for long, a lost tool result for ever. */
const TOOL_SILENCE_FACTOR = 4;
/** A CLI that has said its result has nothing more to do but to exit. */
const EXIT_MS_MAX = 10_000;

export interface ClockLimits {
  readonly startupMs: number;
  readonly silenceMs: number;
  readonly turnMs: number;
}

export type TurnClock = "startup" | "silence" | "tool" | "turn" | "exit";

export class TurnClocks implements Disposable {
  ranOut: { readonly clock: TurnClock; readonly limitMs: number } | undefined;
  readonly #limits: ClockLimits;
  readonly #stop = new AbortController();
  readonly #turn: NodeJS.Timeout;
  #quiet: NodeJS.Timeout;

  constructor(limits: ClockLimits) {
    this.#limits = limits;
    this.#turn = this.#arm("turn", limits.turnMs);
    this.#quiet = this.#arm("startup", limits.startupMs);
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  lineSeen(state: { readonly toolIsRunning: boolean; readonly hasResult: boolean }): void {
    clearTimeout(this.#quiet);
    const { silenceMs } = this.#limits;
    if (state.hasResult) this.#quiet = this.#arm("exit", Math.min(silenceMs, EXIT_MS_MAX));
    else if (state.toolIsRunning) this.#quiet = this.#arm("tool", silenceMs * TOOL_SILENCE_FACTOR);
    else this.#quiet = this.#arm("silence", silenceMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#quiet);
    clearTimeout(this.#turn);
  }

  #arm(clock: TurnClock, limitMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.ranOut ??= { clock, limitMs };
      this.#stop.abort();
    }, limitMs);
  }
}
