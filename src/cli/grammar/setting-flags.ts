// Every setting of core/config/config.ts as a flag, `tcpPort` as `--tcp-port`. Only flags that were really given become
// values, since the command line is the highest layer and would otherwise hide the files and the environment.

import type { Argv } from "yargs";

import { configSchema, environmentName, machineSettings, type Setting } from "../../core/config/config.ts";
import { environmentLayer } from "../../core/config/config-layers.ts";
import { z } from "../../core/base/schema.ts";

const SETTINGS = Object.keys(configSchema.shape) as Setting[];

export function addSettingFlags<Options>(yargs: Argv<Options>): Argv<Options> {
  for (const setting of SETTINGS) {
    yargs.option(flagName(setting), {
      group: setting in machineSettings ? "Settings of this machine:" : "Settings that a repository may bring itself:",
      describe: environmentName(setting),
      ...(isBoolean(setting) ? { type: "boolean" } : { type: "string", requiresArg: true }),
    });
  }
  return yargs;
}

/** Makes the command line a layer of the configuration, by setting; each setting's own type reads texts. */
export function readSettingFlags(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = SETTINGS.map((setting) => [environmentName(setting), options[flagName(setting)]] as const)
    .filter(([, value]) => value !== undefined)
    .map(([variable, value]) => [variable, String(value)]);
  return environmentLayer(Object.fromEntries(given) as Record<string, string>).values as Record<string, unknown>;
}

function flagName(setting: Setting): string {
  return setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function isBoolean(setting: Setting): boolean {
  return z.safeParse(configSchema.shape[setting], true).success;
}
