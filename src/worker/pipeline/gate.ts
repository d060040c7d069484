// The quality gate: the repository's own check, run in the worktree. It runs code that an agent has written, so it gets
// an agent's environment, no credential, a deadline and the end of its whole process tree.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { agentDirectories, agentEnvironment } from "../agent/agent-environment.ts";
import { runCommand } from "../agent/subprocess.ts";
import { ensurePrivateDirectory } from "../../core/durable-file.ts";
import { parseJsonObject } from "../../core/json-lines.ts";
import { OUTPUT_CHARACTERS_MAX } from "../prompt/prompt.ts";

const OUTPUT_BYTES_MAX = 4 * OUTPUT_CHARACTERS_MAX;
const MANIFEST_PLACEHOLDER = "no test specified";

export interface GateOptions {
  readonly command: string;
  readonly directory: string;
  readonly home: string;
  /** Its process group is on record here while it runs. */
  readonly groups: string;
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Names from the setting `agentEnvironment`. */
  readonly names: readonly string[];
  readonly marks: Readonly<Record<string, string>>;
  readonly redact: (text: string) => string;
}

export interface GateResult {
  readonly passed: boolean;
  /** The tail, at most OUTPUT_CHARACTERS_MAX, redacted. */
  readonly output: string;
}

/** `gateCommand`, else `make quality`, else `npm test`; null where the repository offers none of them. */
export async function findGateCommand(configured: string | undefined, directory: string): Promise<string | null> {
  if (configured !== undefined) return configured;
  for (const name of ["GNUmakefile", "makefile", "Makefile"]) {
    const makefile = await readFile(join(directory, name), "utf8").catch(() => "");
    if (/^quality\s*:(?!=)/m.test(makefile)) return "make quality";
  }
  const manifest = parseJsonObject(await readFile(join(directory, "package.json"), "utf8").catch(() => ""));
  const scripts = manifest?.["scripts"];
  const test = typeof scripts === "object" && scripts !== null && "test" in scripts ? scripts.test : undefined;
  return typeof test === "string" && !test.includes(MANIFEST_PLACEHOLDER) ? "npm test" : null;
}

/** Aborting kills the tree; the result then says `passed: false`, and the caller looks at its signal. */
export async function runGate(options: GateOptions, signal: AbortSignal): Promise<GateResult> {
  await Promise.all(Object.values(agentDirectories(options.home)).map(ensurePrivateDirectory));
  const { environment: parent, names, home, marks } = options;
  const end = await runCommand(
    {
      command: "/bin/sh",
      args: ["-c", options.command],
      cwd: options.directory,
      record: { directory: options.groups, marks },
      env: { ...agentEnvironment({ parent, names, home, marks }), CI: "true" },
      timeoutMs: options.timeoutMs,
      outputBytesMax: OUTPUT_BYTES_MAX,
    },
    signal,
  );
  const how = end.timedOut
    ? `\n[stopped after ${options.timeoutMs / 1_000} s]`
    : end.signal === null
      ? ""
      : `\n[ended by ${end.signal}]`;
  const output = `${options.redact(end.output)}${how}`;
  return { passed: end.exitCode === 0 && !end.timedOut, output: output.slice(-OUTPUT_CHARACTERS_MAX) };
}
