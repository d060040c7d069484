// `hydraflow config`: every setting with the value that a daemon started here and now would take, where that comes
// from, and what the setting means. It reads the machine's file and the environment; a daemon's command line and a
// repository's own file are not known here. With --json:
// {"file","settings":[{"setting","value","source","description"}]}, where `file` is null when there is none, and an
// absent value is null.

import type { Argv } from "yargs";

import { configSchema, type Setting } from "../../../core/config/config.ts";
import {
  type ConfigLayer,
  describeProblems,
  environmentLayer,
  resolveConfig,
} from "../../../core/config/config-layers.ts";
import { environmentToken } from "../../../core/config/github-token.ts";
import { SETTING_DESCRIPTIONS } from "../../../core/config/setting-descriptions.ts";
import { errnoOf } from "../../../core/base/errors.ts";
import { ok, type Result } from "../../../core/base/result.ts";
import { readTextIfExists } from "../../../core/files/durable-file.ts";
import { parseJsonObject } from "../../../core/files/json-lines.ts";
import { supervisorPaths } from "../../../core/files/paths.ts";
import { Redactor } from "../../../core/logs/redact.ts";
import { homeOf } from "../../client/daemon-address.ts";
import type { OptionsOf } from "../../grammar/command.ts";
import { type CliFailure, type CommandResult, failWith } from "../../print/failure.ts";
import { formatTable } from "../../print/table.ts";
import type { Terminal } from "../../print/terminal.ts";

const FILE_BYTES_MAX = 1_048_576;

export function build(yargs: Argv) {
  return yargs
    .option("home", {
      describe: "the daemon's state directory [$HYDRAFLOW_HOME, else ~/.hydraflow]",
      type: "string",
      requiresArg: true,
    })
    .option("json", { describe: "print JSON", type: "boolean", default: false });
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const { environment } = terminal;
  const path = supervisorPaths(homeOf(options.home, environment)).config;
  const file = await readMachineFile(path);
  if (!file.ok) return file;
  const layers = [...file.value, environmentLayer(environment)];
  const { redact } = new Redactor(secretsIn(environment, layers));
  const config = resolveConfig(layers);
  if (!config.ok) return failWith("badConfig", redact(describeProblems(config.failure)));
  const settings = (Object.keys(configSchema.shape) as Setting[]).map((setting) => ({
    setting,
    value: redacted(config.value[setting] ?? null, redact),
    source: sourceOf(setting, layers),
    description: SETTING_DESCRIPTIONS[setting],
  }));
  const rows = settings.map(({ setting, value, source, description }) => [
    setting,
    value === null ? "–" : JSON.stringify(value),
    source,
    description,
  ]);
  const table = () => formatTable(["SETTING", "VALUE", "SOURCE", "MEANING"], rows, terminal);
  const hasFile = file.value.length > 0;
  if (!options.json && !hasFile) terminal.warn(`${path} is not there`);
  terminal.write(options.json ? `${JSON.stringify({ file: hasFile ? path : null, settings })}\n` : table());
  return ok();
}

/** The daemon's and GitHub's tokens, and whatever agents are given: those names may stand in a layer that is wrong. */
function secretsIn(
  environment: Terminal["environment"],
  layers: readonly ConfigLayer[],
): (string | null | undefined)[] {
  const named = layers.flatMap(({ values }) => {
    const names = (values as { agentEnvironment?: unknown } | null)?.agentEnvironment;
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  });
  return [environmentToken(environment), environment["HYDRAFLOW_TOKEN"], ...named.map((name) => environment[name])];
}

function redacted(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  return Array.isArray(value) ? value.map((each) => redacted(each, redact)) : value;
}

/** The file as a layer; no layer where there is no file. */
async function readMachineFile(path: string): Promise<Result<readonly ConfigLayer[], CliFailure>> {
  try {
    const text = await readTextIfExists(path, FILE_BYTES_MAX);
    return ok(text === undefined ? [] : [{ source: path, kind: "machine", values: parseJsonObject(text) ?? null }]);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EACCES") return failWith("notPermitted", `${path} belongs to another user; run this as that user`);
    return failWith("badConfig", `${path} cannot be read${code === undefined ? "" : `: ${code}`}`);
  }
}

/** Names the highest layer that says anything of the setting. */
function sourceOf(setting: Setting, layers: readonly ConfigLayer[]): string {
  const source = layers.findLast(({ values }) => Object.hasOwn(values as object, setting))?.source;
  return source ?? "default";
}
