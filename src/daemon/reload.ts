// A reload, from the first byte read to the last worker replaced. Reloads run one after another, and so do the rolling
// restarts behind them.

import type { Reloaded } from "../admin/reload-route.ts";
import type { Log } from "../core/log.ts";
import type { Redactor } from "../core/redact.ts";
import { ok } from "../core/result.ts";
import type { ControlResult, SupervisorControl } from "../core/supervisor-control.ts";
import type { LiveSettings } from "./live-settings.ts";

export interface ReloaderOptions {
  readonly settings: LiveSettings;
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
    const { settings, redactor, control, log } = this.#options;
    const result = await settings.reload(redactor);
    if (!result.ok) {
      log.write("error", "daemon.reload-refused", { problem: result.failure.message });
      return result;
    }
    const { affectsWorkers, ...changes } = result.value;
    const running = control.list().filter(({ state }) => state === "running" || state === "starting");
    const restarting = affectsWorkers ? running.map(({ slug }) => slug) : [];
    log.write("info", "daemon.reloaded", { ...changes, restarting });
    this.#rolling = this.#rolling.then(() => this.#roll(restarting));
    return ok({ ...changes, restarting });
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
