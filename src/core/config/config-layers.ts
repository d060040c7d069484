// Resolves the layers defaults < machine file < repository file < environment < command line. An explicit value wins
// over a lower layer even when it equals the default; every problem of every layer is reported at once with its source.

import { z } from "../base/schema.ts";

import {
  ADDING_SETTINGS,
  type Config,
  configSchema,
  environmentName,
  machineSettings,
  type Setting,
} from "./config.ts";
import { fail, ok, type Result } from "../base/result.ts";

export interface ConfigLayer {
  /** The name of the layer in every problem: a file path, `environment` or `command line`. */
  readonly source: string;
  readonly kind: "machine" | "repository" | "environment" | "command-line";
  readonly values: unknown;
}

export interface ConfigProblem {
  readonly source: string;
  readonly setting: string;
  readonly problem: string;
}

const SETTINGS = Object.keys(configSchema.shape) as Setting[];
/** Variables with the HYDRAFLOW_ prefix that are no settings. */
const OTHER_VARIABLES = new Set([
  "HYDRAFLOW_HOME",
  "HYDRAFLOW_TREE",
  "HYDRAFLOW_BIRTH",
  "HYDRAFLOW_TOKEN",
  "HYDRAFLOW_URL",
  "HYDRAFLOW_DEBUG",
  "HYDRAFLOW_DEMO_PACE_MS",
]);

/** Resolves layers given in rising precedence; the result is frozen. */
export function resolveConfig(layers: readonly ConfigLayer[]): Result<Config, readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  const merged: Record<string, unknown> = {};
  for (const layer of layers) {
    for (const [setting, value] of Object.entries(readLayer(layer, problems)))
      merged[setting] = layer.kind === "repository" ? added(setting, merged[setting], value) : value;
  }
  if (problems.length > 0) return fail(problems);
  return ok(Object.freeze(z.parse(configSchema, merged)));
}

/** Makes a layer of the settings among the variables: each setting's own type reads numbers, booleans and lists. */
export function environmentLayer(environment: Readonly<Record<string, string | undefined>>): ConfigLayer {
  const values: Record<string, unknown> = {};
  const bySetting = new Map(SETTINGS.map((setting) => [environmentName(setting), setting]));
  for (const [variable, raw] of Object.entries(environment)) {
    if (!variable.startsWith("HYDRAFLOW_") || raw === undefined || OTHER_VARIABLES.has(variable)) continue;
    const setting = bySetting.get(variable);
    values[setting ?? variable] = setting === undefined ? raw : fromText(setting, raw);
  }
  return { source: "environment", kind: "environment", values };
}

export function describeProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(({ source, setting, problem }) => `${source}: ${setting}: ${problem}`).join("; ");
}

/** Adds `value` to what the machine says (`below`), which may be nothing. */
function added(setting: string, below: unknown, value: unknown): unknown {
  if (!ADDING_SETTINGS.has(setting)) return value;
  if (Array.isArray(below) && Array.isArray(value)) return (below as unknown[]).concat(value as unknown[]);
  return below === true ? true : value;
}

function readLayer(layer: ConfigLayer, problems: ConfigProblem[]): Record<string, unknown> {
  if (typeof layer.values !== "object" || layer.values === null || Array.isArray(layer.values)) {
    problems.push({ source: layer.source, setting: "(file)", problem: "must be one JSON object" });
    return {};
  }
  const accepted: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(layer.values)) {
    const problem = problemOf(layer, key, value);
    if (problem === undefined) accepted[key] = value;
    else problems.push({ source: layer.source, setting: nameIn(layer, key), problem });
  }
  return accepted;
}

function problemOf(layer: ConfigLayer, key: string, value: unknown): string | undefined {
  if (!isSetting(key)) return "unknown setting; see docs/operations.md for the list";
  if (layer.kind === "repository" && key in machineSettings)
    return "may only be set by the machine's operator, not by a repository";
  const parsed = z.safeParse(configSchema.shape[key], value);
  if (value !== undefined && parsed.success) return undefined;
  const messages = parsed.success ? ["must have a value"] : parsed.error.issues.map((issue) => issue.message);
  return `${messages.join(", ")}; got ${JSON.stringify(value)?.slice(0, 100)}`;
}

function isSetting(key: string): key is Setting {
  return Object.hasOwn(configSchema.shape, key);
}

function nameIn(layer: ConfigLayer, key: string): string {
  return layer.kind === "environment" && isSetting(key) ? environmentName(key) : key;
}

function fromText(setting: Setting, raw: string): unknown {
  const schema = configSchema.shape[setting];
  if (z.safeParse(schema, raw).success) return raw;
  if (/^-?\d+(\.\d+)?$/.test(raw)) return Number(raw);
  if (raw === "true" || raw === "false") return raw === "true";
  const list = raw
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return z.safeParse(schema, list).success ? list : raw;
}
