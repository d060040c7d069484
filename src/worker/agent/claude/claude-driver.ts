// Drives Claude Code, or any CLI that speaks its stream-json: one process per turn, prompt on stdin, verdict by
// `--json-schema` in the same turn. The repository's own agent settings, hooks and MCP servers are switched off.
//
// This was tried on 2.1.329: the schema is offered to the model as a tool `StructuredOutput`; calling it ends the turn,
// and its input stands in the result as `structured_output`. A model that ends without it is reminded once, then the
// CLI exits 0 with `success` and no verdict. A call that does not fit the schema is refused; after five the CLI gives
// up.

import { assertNever, messageOf } from "../../../core/base/errors.ts";
import { fail, ok } from "../../../core/base/result.ts";
import { shortageOf } from "../../../core/processes/shortage.ts";
import type {
  AgentAccess,
  AgentDriver,
  AgentEvent,
  AgentOutcome,
  AgentProbe,
  AgentTurn,
} from "../contract/agent-driver.ts";
import { agentEnvironment } from "../process/agent-environment.ts";
import { makeAgentHome, makePassingHome } from "../process/agent-home.ts";
import { parseStreamLine, type StreamItem, streamItems } from "./claude-stream.ts";
import { ClaudeTurn, judgeTurn } from "./claude-turn.ts";
import { runCommand, runLines } from "../process/subprocess.ts";
import { Transcript } from "../process/transcript.ts";
import { type ClockLimits, TurnClocks } from "../process/turn-clocks.ts";

const PROBE_TIMEOUT_MS = 10_000;
const PROBE_OUTPUT_BYTES_MAX = 4_096;

/** The CLI must not choose these for itself in an unattended run. */
const CLAUDE_VARIABLES = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  CLAUDE_CODE_MAX_RETRIES: "2",
  /** A tool left in the background would die with the turn, its work half done. */
  CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
  /** `@/some/file` in an issue's text must not pull that file into the prompt. */
  CLAUDE_CODE_DISABLE_FILE_MENTIONS: "1",
} as const;

/**
 * With `dontAsk` a reading CLI runs the commands that it knows to be read-only (`git diff`, `cat`) and refuses all
 * others. Naming `Bash(git diff *)` as allowed would weaken that: `git diff --output=FILE` writes.
 */
const ACCESS_FLAGS: Readonly<Record<AgentAccess, readonly string[]>> = {
  read: [
    "--permission-mode",
    "dontAsk",
    "--tools",
    "Bash,Glob,Grep,Read",
    "--allowedTools",
    "Glob,Grep,Read",
    "--disallowedTools",
    "Edit,NotebookEdit,Write",
  ],
  write: [
    "--permission-mode",
    "acceptEdits",
    "--tools",
    "Bash,Edit,Glob,Grep,NotebookEdit,Read,Write",
    "--allowedTools",
    "Bash",
  ],
};

export interface ClaudeDriverOptions {
  /** An absolute path, or a name looked up on the environment's PATH. */
  readonly command: string;
  /** These come before our own arguments, for a command that is an interpreter. */
  readonly commandArgs?: readonly string[];
  readonly model?: string | undefined;
  /** The worker's own environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The operator lets these names through; see `agentEnvironment`. */
  readonly extraEnvironment: readonly string[];
  readonly marks: Readonly<Record<string, string>>;
  readonly clocks: ClockLimits;
  readonly redact: (text: string) => string;
  readonly name?: string;
}

export function createClaudeDriver(options: ClaudeDriverOptions): AgentDriver {
  const name = options.name ?? "Claude Code";
  return {
    name,
    probe: (signal) => probe(options, name, signal),
    run: (turn, emit, signal) => run(options, turn, emit, signal),
  };
}

/**
 * Begins a session that was to be resumed but was never stored, and resumes one that was to be begun but exists: after
 * a crash nobody but the CLI knows how far it had come.
 */
async function run(
  options: ClaudeDriverOptions,
  turn: AgentTurn,
  emit: (event: AgentEvent) => void,
  signal: AbortSignal,
): Promise<AgentOutcome> {
  const outcome = await runOnce(options, turn, emit, signal);
  if (outcome.kind !== "crashed" || !isSessionMismatch(outcome.evidence, turn)) return outcome;
  return runOnce(options, { ...turn, resume: !turn.resume }, emit, signal);
}

function isSessionMismatch(evidence: string, turn: AgentTurn): boolean {
  return evidence.includes(
    turn.resume
      ? `No conversation found with session ID: ${turn.sessionId}`
      : `Session ID ${turn.sessionId} is already in use`,
  );
}

async function runOnce(
  options: ClaudeDriverOptions,
  turn: AgentTurn,
  emit: (event: AgentEvent) => void,
  signal: AbortSignal,
): Promise<AgentOutcome> {
  const prepared = await makeAgentHome(turn.home).then((temporary) => ok(temporary), fail);
  if (!prepared.ok) return homelessOutcome(prepared.failure);
  await using transcript = await Transcript.open(turn.transcriptFile);
  using clocks = new TurnClocks(options.clocks);
  const state = new ClaudeTurn();

  const onLine = async (line: string): Promise<void> => {
    const value = parseStreamLine(line, options.redact);
    await transcript.append(value === undefined ? options.redact(line) : JSON.stringify(value));
    if (value === undefined) state.takePlain(options.redact(line));
    for (const item of streamItems(value)) {
      state.take(item);
      const event = eventOf(item);
      if (event !== null) emit(event);
    }
    clocks.lineSeen({ toolIsRunning: state.toolIsRunning, hasResult: state.result !== undefined });
  };
  const place = { home: turn.home, temporary: prepared.value };
  const command = { ...commandOf(options, place, turnFlags(options, turn)), cwd: turn.directory };
  const record = { directory: turn.groups, marks: options.marks };
  const end = await runLines(
    { ...command, record, input: turn.prompt, onLine },
    AbortSignal.any([signal, clocks.signal]),
  );
  const outcome = judgeTurn(state, { end, ranOut: clocks.ranOut, aborted: signal.aborted, now: new Date() });
  return "evidence" in outcome ? { ...outcome, evidence: options.redact(outcome.evidence) } : outcome;
}

/** No turn of any issue could begin in this place. A shortage is thrown on: it is the machine's, not the agent's. */
export function homelessOutcome(thrown: unknown): AgentOutcome {
  if (shortageOf(thrown) !== null) throw thrown;
  return { kind: "never-started", evidence: messageOf(thrown) };
}

function turnFlags(options: ClaudeDriverOptions, turn: AgentTurn): string[] {
  const flags = ["-p", "--output-format", "stream-json", "--verbose"];
  flags.push(turn.resume ? "--resume" : "--session-id", turn.sessionId);
  flags.push("--json-schema", JSON.stringify(turn.verdictSchema));
  flags.push(...ACCESS_FLAGS[turn.access], "--permission-prompts", "none");
  flags.push("--setting-sources", "", "--strict-mcp-config", "--disable-slash-commands");
  if (options.model !== undefined) flags.push("--model", options.model);
  return flags;
}

function commandOf(options: ClaudeDriverOptions, place: { home: string; temporary: string }, flags: readonly string[]) {
  const { command, commandArgs = [], environment: parent, extraEnvironment: names, marks } = options;
  const env = { ...CLAUDE_VARIABLES, ...agentEnvironment({ parent, names, ...place, marks }) };
  return { command, args: [...commandArgs, ...flags], env };
}

function eventOf(item: StreamItem): AgentEvent | null {
  switch (item.kind) {
    case "started":
      return { type: "started", sessionId: item.sessionId, model: item.model, version: item.version };
    case "said":
      return { type: "text", text: item.text };
    case "tool-started":
      return { type: "tool", tool: item.tool, summary: item.summary };
    case "retrying":
      return { type: "retry", attempt: item.attempt, reason: item.reason };
    case "tool-ended":
    case "limited":
    case "api-error":
    case "result":
      return null;
    default:
      return assertNever(item);
  }
}

async function probe(options: ClaudeDriverOptions, name: string, signal: AbortSignal): Promise<AgentProbe> {
  await using home = await makePassingHome();
  const command = { ...commandOf(options, { home: home.path, temporary: home.path }, ["--version"]), cwd: home.path };
  const limits = { timeoutMs: PROBE_TIMEOUT_MS, outputBytesMax: PROBE_OUTPUT_BYTES_MAX };
  const end = await runCommand({ ...command, ...limits }, signal);
  const output = options.redact(end.output).trim();
  const version = /\d{1,9}\.\d{1,9}\.\d{1,9}\S*/.exec(output)?.[0] ?? null;
  if (end.exitCode === 0 && version !== null) return { name, version, problem: null };
  const how = end.timedOut
    ? `did not answer within ${PROBE_TIMEOUT_MS} ms`
    : `said: ${output === "" ? "nothing" : output}`;
  return { name, version: null, problem: `${options.command} --version ${how}; install the agent or set agentCommand` };
}
