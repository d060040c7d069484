// The demo agent stands in for a coding-agent CLI where there is no account, and never hides that it does. It takes
// Claude Code's flags and speaks its stream-json, and it makes real edits, but only those that the issue spells out.

import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";

import { messageOf } from "../../core/base/errors.ts";
import { VERSION } from "../../core/base/version.ts";
import { readPrompt } from "./prompt.ts";
import { withRememberedIssue } from "./session-file.ts";
import { Stream } from "./stream.ts";
import { runTurn } from "./turn.ts";

const PACE_VARIABLE = "HYDRAFLOW_DEMO_PACE_MS";
/** A slow turn must not look like a hung one. */
const TICK_MS = 1_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    // The agent takes the driver's other flags and does not need them.
    strict: false,
    args: process.argv.slice(2),
    options: { version: { type: "boolean", short: "v" }, "session-id": { type: "string" }, resume: { type: "string" } },
  });
  if (values["version"] === true) {
    process.stdout.write(`${VERSION} (HydraFlow demo agent)\n`);
    return;
  }
  const sessionId = String(values["resume"] ?? values["session-id"] ?? randomUUID());
  const stream = new Stream((line) => process.stdout.write(line), sessionId);
  stream.init(process.cwd());
  try {
    await answer(stream, sessionId);
  } catch (thrown) {
    stream.error(messageOf(thrown));
    process.exitCode = 1;
  }
}

async function answer(stream: Stream, sessionId: string): Promise<void> {
  const input = await text(process.stdin);
  const read = readPrompt(input);
  if (read === null) throw new Error("the prompt has no line 'Role: triage|plan|implement|review|hitl'");
  const prompt = await withRememberedIssue(read, input, process.env["HOME"] ?? process.cwd(), sessionId);
  const paceMs = Number(process.env[PACE_VARIABLE] ?? 0);
  const verdict = await runTurn({
    prompt,
    directory: process.cwd(),
    paceMs,
    say: stream.say,
    use: stream.use,
    sleep: (ms) => sleepTicking(ms, () => stream.tick()),
  });
  stream.verdict(verdict);
}

async function sleepTicking(ms: number, tick: () => void): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= TICK_MS) {
    await delay(Math.min(leftMs, TICK_MS));
    tick();
  }
}

await main();
