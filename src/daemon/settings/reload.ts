// A reload, from the first byte read to the last worker replaced. Reloads run one after another, and so do the rolling
// restarts behind them.

import type { Log } from "../../core/logs/log.ts";
import type { Redactor } from "../../core/logs/redact.ts";
import { fail, ok } from "../../core/base/result.ts";
import type {
  ControlFailure,
  ControlResult,
  Reloaded,
  SupervisorControl,
} from "../../core/messages/supervisor-control.ts";
import type { DoorTokens } from "./door-tokens.ts";
import type { LiveSettings } from "./live-settings.ts";

export interface ReloaderOptions {
  readonly settings: LiveSettings;
  readonly tokens: DoorTokens;
  readonly redactor: Redactor;
  readonly control: Pick<SupervisorControl, "list" | "roll">;
  readonly log: Log;
}

export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #stop: AbortSignal;
  #reading: Promise<unknown> = Promise.resolve();
  #rolling: Promise<void> = Promise.resolve();

  constructor(options: ReloaderOptions, stop: AbortSignal) {
    this.#options = options;
    this.#stop = stop;
  }

  /** Answers when the new settings are in use; workers follow in the background. */
  readonly reload = (): Promise<ControlResult<Reloaded>> => {
    const reloaded = this.#reading.then(() => this.#reload());
    this.#reading = reloaded.catch(() => undefined);
    return reloaded;
  };

  async #reload(): Promise<ControlResult<Reloaded>> {
    const { settings, tokens, redactor, control, log } = this.#options;
    const texts = await tokens.read();
    if (!texts.ok) return this.#refuse(texts.failure);
    const result = await settings.reload(redactor);
    if (!result.ok) return this.#refuse(result.failure);
    const replaced = tokens.use(texts.value, redactor);
    const { needs_restart } = result.value;
    const changed = [...result.value.changed, ...replaced.changed];
    const running = control.list().filter(({ state }) => state === "running" || state === "starting");
    const affectsWorkers = result.value.affectsWorkers || replaced.affectsWorkers;
    const restarting = affectsWorkers ? running.map(({ slug }) => slug) : [];
    log.write("info", "daemon.reloaded", { changed, needs_restart, restarting });
    this.#rolling = this.#rolling.then(() => this.#roll(restarting));
    return ok({ changed, needs_restart, restarting });
  }

  #refuse(failure: ControlFailure): ControlResult<never> {
    this.#options.log.write("error", "daemon.reload-refused", { problem: failure.message });
    return fail(failure);
  }

  async #roll(slugs: readonly string[]): Promise<void> {
    const { control, log } = this.#options;
    for (const slug of slugs) {
      if (this.#stop.aborted) return;
      const rolled = await control.roll(slug, this.#stop);
      if (!rolled.ok) log.write("warn", "repo.roll-failed", { repo: slug, problem: rolled.failure.message });
    }
  }
}
