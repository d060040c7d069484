// `hydraflow drain`: no repository takes a new issue, and the command returns when nothing is in flight any more, or
// fails when the time is over. The drain stays until `--cancel`, or until the daemon ends. With --json: the last
// report, {"draining","since","drained","repos"}.

import type { Argv } from "yargs";

import { DRAIN_SECONDS_MAX } from "../../../core/messages/drain-control.ts";
import { ok } from "../../../core/base/result.ts";
import type { z } from "../../../core/base/schema.ts";
import type { ClientOptions, OptionsOf } from "../../grammar/command.ts";
import { connect, type DaemonClient } from "../../client/daemon-client.ts";
import { formatDuration, parseDuration } from "../../grammar/duration.ts";
import { type CommandResult, failWith } from "../../print/failure.ts";
import { drainReplySchema } from "../../client/reply.ts";
import type { Terminal } from "../../print/terminal.ts";

const TIMEOUT_DEFAULT = "10m";
/** Each request waits this long at most, so that what was finished is printed soon. */
const LOOK_S = 2;

type Report = z.infer<typeof drainReplySchema>;
type Repository = Report["repos"][number];

export function build(yargs: Argv<ClientOptions>) {
  return yargs
    .option("timeout", {
      describe: "how long to wait, for instance 90s, 10m or 1h",
      type: "string",
      requiresArg: true,
      default: TIMEOUT_DEFAULT,
      coerce: readTimeout,
    })
    .option("cancel", { describe: "take issues again", type: "boolean", default: false });
}

function readTimeout(text: string): number {
  const seconds = parseDuration(text);
  if (seconds !== undefined && seconds <= DRAIN_SECONDS_MAX) return seconds;
  throw new Error(`'${text}' is no time from 0s to ${DRAIN_SECONDS_MAX / 3_600}h`);
}

export async function run(options: OptionsOf<typeof build>, terminal: Terminal): Promise<CommandResult> {
  const client = await connect(options, terminal);
  if (!client.ok) return client;
  const signal = terminal.untilInterrupted();
  if (!options.cancel) return drain(client.value, options, terminal, signal);
  const reply = await client.value.call({ method: "DELETE", path: "/api/drain", reply: drainReplySchema }, signal);
  if (!reply.ok) return reply;
  terminal.write(options.json ? `${JSON.stringify(reply.value)}\n` : "issues are taken again\n");
  return ok();
}

async function drain(
  client: DaemonClient,
  { timeout, json }: OptionsOf<typeof build>,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<CommandResult> {
  const endMs = performance.now() + timeout * 1_000;
  const printed = new Set<string>();
  for (let waitS = 0; ; waitS = LOOK_S) {
    const leftS = Math.max(0, Math.ceil((endMs - performance.now()) / 1_000));
    const body = { timeout_s: Math.min(waitS, leftS) };
    const reply = await client.call({ method: "POST", path: "/api/drain", body, reply: drainReplySchema }, signal);
    if (!reply.ok) return reply;
    const { drained, draining, repos } = reply.value;
    if (!json) printNews(repos, printed, terminal);
    if (!drained && draining && leftS > 0) continue;
    if (json) terminal.write(`${JSON.stringify(reply.value)}\n`);
    if (drained) {
      if (!json) terminal.write("drained: nothing is in flight, and no new issue is taken\n");
      return ok();
    }
    return failWith("tryAgain", draining ? notDrained(repos, timeout) : "somebody has taken the drain back");
  }
}

/** Prints every line once. */
function printNews(repos: readonly Repository[], printed: Set<string>, terminal: Terminal): void {
  for (const repo of repos) {
    const lines = [
      ...repo.finished.map((item) => `${repo.slug}: finished ${nameOf(item)}`),
      ...repo.interrupted.map((item) => `${repo.slug}: interrupted ${nameOf(item)}; it is resumed later`),
      ...workOf(repo).map((item) => `${repo.slug}: in flight ${nameOf(item)}`),
    ];
    for (const line of lines.filter((candidate) => !printed.has(candidate))) {
      printed.add(line);
      terminal.write(`${line}\n`);
    }
  }
}

function notDrained(repos: readonly Repository[], timeoutS: number): string {
  const left = repos.filter(({ drained }) => !drained).map((repo) => `${repo.slug} (${whatIsLeft(repo)})`);
  return `not drained after ${formatDuration(timeoutS)}: ${left.join(", ")}; no new issue is taken: wait again, stop the daemon, which resumes it at its next start, or go back with hydraflow drain --cancel`;
}

function whatIsLeft(repository: Repository): string {
  const { state, in_flight: inFlight } = repository;
  const work = workOf(repository);
  if (work.length > 0) return work.map(nameOf).join(", ");
  return inFlight > 0 ? `${inFlight} in flight` : state;
}

function workOf({ in_flight_work: work, in_hand: former }: Repository): Repository["finished"] {
  return work ?? former ?? [];
}

function nameOf({ issue, stage }: Repository["finished"][number]): string {
  return `#${issue} ${stage}`;
}
