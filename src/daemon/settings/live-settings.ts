// The settings in use. A reload reads every source again and swaps all of them at once, or changes nothing and names
// every problem. Settings that belong to what is open since the start (doors, logs) wait for a restart of the daemon.

import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";

import type { Setting } from "../../core/config/config.ts";
import { HydraError, messageOf } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import { credentialFile, loadGitHubToken } from "../../core/config/github-token.ts";
import type { Redactor } from "../../core/logs/redact.ts";
import { fail, ok } from "../../core/base/result.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";
import { loadSettings, type SettingSources, type Settings } from "./settings.ts";

/** These are read once, at the start of the daemon. */
const DAEMON_SETTINGS: ReadonlySet<string> = new Set<Setting>([
  "tcpPort",
  "httpPort",
  "tcpAuth",
  "startConcurrency",
  "logFileBytesMax",
  "logFilesMax",
]);
/** These are read each time they are used. */
const LIVE_SETTINGS: ReadonlySet<string> = new Set<Setting>([
  "warmSpare",
  "logsBytesMax",
  "respawnDelayMs",
  "respawnDelayMaxMs",
  "respawnCountMax",
  "respawnWindowMs",
  "workerRssBytesMax",
]);
const CREDENTIAL = "GitHub token";

export interface SettingChanges {
  /** Names of settings, and `GitHub token`. */
  readonly changed: readonly string[];
  /** The names among `changed` that wait for a restart of the daemon. */
  readonly needs_restart: readonly string[];
  /** True when workers have to be replaced for the others. */
  readonly affectsWorkers: boolean;
}

interface InUse {
  readonly settings: Settings;
  readonly githubToken: string | null;
}

export interface LiveSettingsOptions extends SettingSources {
  /** `<home>/github-token`. */
  readonly tokenFile: string;
}

export class LiveSettings {
  readonly #options: LiveSettingsOptions;
  #current: InUse;

  /** Throws BAD_CONFIG. */
  static async load(options: LiveSettingsOptions): Promise<LiveSettings> {
    return new LiveSettings(options, await read(options));
  }

  private constructor(options: LiveSettingsOptions, current: InUse) {
    this.#options = options;
    this.#current = current;
  }

  get settings(): Settings {
    return this.#current.settings;
  }

  get githubToken(): string | null {
    return this.#current.githubToken;
  }

  /** Lists what no log may show. */
  get secrets(): readonly (string | null | undefined)[] {
    const { agentEnvironment } = this.settings.config;
    return [this.githubToken, ...agentEnvironment.map((name) => this.#options.environment[name])];
  }

  /** Reads every source again; the redactor knows new secrets before they are in use. */
  async reload(redactor: Redactor): Promise<ControlResult<SettingChanges>> {
    const before = this.#current;
    try {
      this.#current = await read(this.#options);
    } catch (error) {
      if (error instanceof HydraError) return fail({ code: "bad_config", message: error.message });
      throw error;
    }
    for (const secret of this.secrets) redactor.add(secret);
    const changed = changedNames(before, this.#current);
    return ok({
      changed,
      needs_restart: changed.filter((name) => DAEMON_SETTINGS.has(name)),
      affectsWorkers: changed.some((name) => !DAEMON_SETTINGS.has(name) && !LIVE_SETTINGS.has(name)),
    });
  }
}

async function read(options: LiveSettingsOptions): Promise<InUse> {
  const settings = await loadSettings(options);
  const file = credentialFile(dirname(options.tokenFile), settings.config.githubTokenFile);
  try {
    return { settings, githubToken: await loadGitHubToken({ environment: options.environment, file }) };
  } catch (error) {
    if (error instanceof HydraError) throw error;
    const exitCode = EXIT_CODES.badConfig.code;
    throw new HydraError("BAD_CONFIG", `${file} cannot be read: ${messageOf(error)}`, { cause: error, exitCode });
  }
}

function changedNames(before: InUse, after: InUse): string[] {
  const [old, now] = [before.settings.config, after.settings.config].map((config) => config as Record<string, unknown>);
  const names = [...new Set([...Object.keys(old ?? {}), ...Object.keys(now ?? {})])];
  const changed = names.filter((name) => !isDeepStrictEqual(old?.[name], now?.[name]));
  return before.githubToken === after.githubToken ? changed : [...changed, CREDENTIAL];
}
