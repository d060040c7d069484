// The machine's settings: `config.json` of the state directory, the environment and the command line. Every problem of
// every source is named at once, and a daemon with a wrong configuration does not start.

import { type Config, configSchema, environmentName } from "../../core/config/config.ts";
import {
  type ConfigLayer,
  describeProblems,
  environmentLayer,
  resolveConfig,
} from "../../core/config/config-layers.ts";
import { type LayerFile, readLayer } from "../../core/config/layer-file.ts";
import { HydraError } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import type { StartWorker } from "../../core/messages/worker-message.ts";

export interface SettingSources {
  readonly configFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Values by setting name, as the command line gave them. */
  readonly commandLine: Readonly<Record<string, unknown>>;
}

export interface Settings {
  readonly config: Config;
  /** The layers as they were, for workers, which add their repository's own. */
  readonly layers: StartWorker["config"];
}

/** Throws BAD_CONFIG. */
export async function loadSettings({ configFile, environment, commandLine }: SettingSources): Promise<Settings> {
  const file = await readConfigFile(configFile);
  const layers: ConfigLayer[] = [
    ...(file === null ? [] : [{ ...file, kind: "machine" as const }]),
    environmentLayer(environment),
    { source: "command line", kind: "command-line", values: commandLine },
  ];
  const config = resolveConfig(layers);
  if (!config.ok) throw badConfig(describeProblems(config.failure));
  return {
    config: config.value,
    layers: { file, environment: settingVariables(environment), commandLine: { ...commandLine } },
  };
}

/** Picks the settings among the variables, as they go into the start message. */
function settingVariables(parent: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const names = Object.keys(configSchema.shape).map(environmentName);
  const settings = names.map((name) => [name, parent[name]] as const);
  return Object.fromEntries(settings.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function readConfigFile(path: string): Promise<LayerFile | null> {
  try {
    return await readLayer(path);
  } catch (error) {
    throw badConfig(`${path} cannot be read`, error);
  }
}

function badConfig(message: string, cause?: unknown): HydraError {
  return new HydraError("BAD_CONFIG", message, { cause, exitCode: EXIT_CODES.badConfig.code });
}
