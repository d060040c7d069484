// Finds and ends processes that are provably ours. A pid alone proves nothing, since it is reused: a process is known
// by pid and start time, a tree by a variable that every process of it inherits. Nothing is ever matched by name.
//
// Reach: on Linux the marked sweep also ends children that left the group (`setsid`, double fork), as long as they kept
// their environment. Elsewhere, and for a child that emptied its environment, the group is the reach, also after a
// crash (recorded-group.ts); the service manager's own control group (systemd `KillMode`) is the wall behind it.

import { execFile, type ChildProcess } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";

import { type Clock, systemClock } from "../base/clock.ts";
import { errnoOf } from "../base/errors.ts";

/** The pause between two looks at what was asked to end; looks at a group grow rarer, since they read all of /proc. */
const POLL_MS = 25;
const POLL_MS_MAX = 200;
/** After SIGKILL a process only lives on in an uninterruptible system call; waiting longer helps nobody. */
const KILL_WAIT_MS = 2_000;
/** A tree that forks faster than this many scans is beyond signals. */
const SWEEP_ROUNDS_MAX = 40;
/** So many looks, about a third of a millisecond, lie between two turns of the event loop. */
const LOOKS_PER_TURN = 32;
/** The pause after a look that could not read some process. */
const LOOK_AGAIN_MS = 5;
/** The kernel's flag for its own threads, which never have an environment (linux/sched.h). */
const PF_KTHREAD = 0x20_0000;
const PS_TIMEOUT_MS = 5_000;

/** This signal serves waits that end by themselves and must not be cut short: a kill is never left half done. */
const NEVER = new AbortController().signal;

const isLinux = process.platform === "linux";

export interface ProcessIdentity {
  readonly pid: number;
  /** An opaque text: boot id and start tick on Linux, the text of `ps -o lstart` elsewhere. It may be stored in a
   * file. */
  readonly startTime: string;
}

export interface Marker {
  readonly name: string;
  readonly value: string;
}

/** Resolves with null when there is no such process, or only a zombie that waits to be reaped. */
export async function processIdentity(pid: number): Promise<ProcessIdentity | null> {
  if (!isLinux) return identityFromPs(pid);
  const entry = parseStat(await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""));
  if (entry === null || entry.zombie) return null;
  return { pid, startTime: `${await bootId()}:${entry.startTick}` };
}

/** Resolves with the identity of a child just spawned; null when it has already ended. It is never a stranger's: the
 * pid is held for the child until its exit is collected, and that has not happened yet when this returns a value. */
export async function childIdentity(child: ChildProcess): Promise<ProcessIdentity | null> {
  if (child.pid === undefined) return null;
  const identity = await processIdentity(child.pid);
  return child.exitCode === null && child.signalCode === null ? identity : null;
}

export async function isSameProcess(identity: ProcessIdentity): Promise<boolean> {
  const current = await processIdentity(identity.pid);
  return current !== null && current.startTime === identity.startTime;
}

export interface KillTreeTarget {
  /** Names a process spawned `detached`, so that its pid is its group's id; null when it is known to have ended. */
  readonly identity: ProcessIdentity | null;
  readonly marker?: Marker;
  /** The time between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  readonly clock?: Clock;
}

/** Sends SIGTERM to the group, SIGKILL when the grace is over, and sweeps by the mark then. Aborting ends the grace,
 * never the kill. A group whose leader has ended is not signalled any more: its id may belong to a stranger by now. */
export async function killTree(target: KillTreeTarget, signal: AbortSignal): Promise<void> {
  const { identity, marker, graceMs, clock = systemClock } = target;
  if (identity !== null && (await isSameProcess(identity))) {
    signalGroup(identity.pid, "SIGTERM");
    if (!(await groupIsGone(identity.pid, graceMs, clock, signal))) {
      // The group was seen alive at every look since its leader was proved ours, and an id is not reused while its
      // group lives.
      signalGroup(identity.pid, "SIGKILL");
      await groupIsGone(identity.pid, KILL_WAIT_MS, clock, NEVER);
    }
  }
  if (marker !== undefined) await sweepMarked(marker.name, marker.value);
}

/** Finds our own user's processes whose environment holds `variable=value`, without the caller; on Linux only. */
export async function findMarked(variable: string, value: string): Promise<number[]> {
  return (await lookForMarked(`${variable}=${value}`, [], new Set())).marked.map(({ pid }) => pid);
}

/** SIGKILLs every process that `findMarked` finds, again and again until a look that missed nothing finds none.
 * Resolves to the killed pids. */
export async function sweepMarked(
  variable: string,
  value: string,
  options: { readonly except?: readonly number[] } = {},
): Promise<number[]> {
  const killed = new Set<number>();
  const ended = new Set<number>();
  for (let round = 0; round < SWEEP_ROUNDS_MAX; round += 1) {
    const { marked, isSure } = await lookForMarked(`${variable}=${value}`, options.except ?? [], ended);
    if (marked.length === 0 && isSure) break;
    for (const found of marked) {
      if (killIfUnchanged(found)) killed.add(found.pid);
    }
    await systemClock.sleep(marked.length === 0 ? LOOK_AGAIN_MS : POLL_MS, NEVER);
  }
  return [...killed];
}

interface MarkedProcess {
  readonly pid: number;
  readonly startTick: string;
}

/** A process that `ended` before its environment could be read may have left a child that the list does not have. An
 * `unreadable` one is between two programs (exec), when a process shows no environment at all. */
type Look = MarkedProcess | "stranger" | "ended" | "unreadable";

/** One pass over /proc. It is sure when every process of the list showed its environment, or was in `ended` already. */
async function lookForMarked(
  assignment: string,
  except: readonly number[],
  ended: Set<number>,
): Promise<{ marked: MarkedProcess[]; isSure: boolean }> {
  if (!isLinux) return { marked: [], isSure: true };
  const candidates = (await runningPids()).filter((pid) => pid !== process.pid && !except.includes(pid));
  const marked: MarkedProcess[] = [];
  let isSure = true;
  for (const [index, pid] of candidates.entries()) {
    if (index % LOOKS_PER_TURN === LOOKS_PER_TURN - 1) await turn();
    const look = lookAt(pid, assignment);
    if (typeof look === "object") marked.push(look);
    if (look === "unreadable" || (look === "ended" && !ended.has(pid))) isSure = false;
    if (look === "ended") ended.add(pid);
  }
  return { marked, isSure };
}

/** Reads synchronously: the kernel answers from memory in ten microseconds, the thread pool takes ten times that. */
function lookAt(pid: number, assignment: string): Look {
  try {
    // Nearly every process of a machine ends here, after one read: this runs between a crash and the respawn.
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
    if (environment === "") return lookAtBare(pid);
    if (!hasAssignment(environment, assignment)) return "stranger";
    if (statSync(`/proc/${pid}`).uid !== process.geteuid?.()) return "stranger";
    const entry = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
    // The environment is read again behind the start tick, so that both are of one process if the tick holds at the
    // kill.
    const isStill = hasAssignment(readFileSync(`/proc/${pid}/environ`, "utf8"), assignment);
    return entry === null || !isStill ? "unreadable" : { pid, startTick: entry.startTick };
  } catch (thrown) {
    const code = errnoOf(thrown);
    if (code === "EACCES" || code === "EPERM") return "stranger";
    return code === "ESRCH" ? lookAtBare(pid) : "ended";
  }
}

/** Looks at a process without an environment: some kernels show an empty one for their own threads, others answer
 * ESRCH. */
function lookAtBare(pid: number): Look {
  try {
    const entry = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
    if (entry === null || entry.zombie) return "ended";
    return entry.isBetweenPrograms ? "unreadable" : "stranger";
  } catch {
    return "ended";
  }
}

function hasAssignment(environment: string, assignment: string): boolean {
  return environment.includes(assignment) && environment.split("\0").includes(assignment);
}

/** Looks and signals in one synchronous step: nothing can come between but the process's own end. */
function killIfUnchanged({ pid, startTick }: MarkedProcess): boolean {
  try {
    if (parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"))?.startTick !== startTick) return false;
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

function signalGroup(leader: number, name: NodeJS.Signals): void {
  try {
    process.kill(-leader, name);
  } catch (thrown) {
    if (errnoOf(thrown) !== "ESRCH" && errnoOf(thrown) !== "EPERM") throw thrown;
  }
}

async function groupIsGone(leader: number, withinMs: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const deadlineMs = clock.monotonicMs() + withinMs;
  for (let pollMs = POLL_MS; await groupIsAlive(leader); pollMs = Math.min(2 * pollMs, POLL_MS_MAX)) {
    const leftMs = deadlineMs - clock.monotonicMs();
    if (signal.aborted || leftMs <= 0) return false;
    await clock.sleep(Math.min(pollMs, leftMs), signal).catch(() => undefined);
  }
  return true;
}

/** Zombies do not count: where nobody reaps them they would look alive for ever. */
async function groupIsAlive(leader: number): Promise<boolean> {
  try {
    process.kill(-leader, 0);
  } catch (thrown) {
    return errnoOf(thrown) === "EPERM";
  }
  if (!isLinux) return true;
  for (const pid of [leader, ...(await runningPids())]) {
    const entry = parseStat(await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""));
    if (entry !== null && entry.group === leader && !entry.zombie) return true;
  }
  return false;
}

async function runningPids(): Promise<number[]> {
  return (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
}

interface ProcessStat {
  readonly zombie: boolean;
  readonly group: number;
  readonly startTick: string;
  /** True while it has no environment yet, not even an empty one. */
  readonly isBetweenPrograms: boolean;
}

/** proc(5): the command in field 2 may hold spaces and parentheses, so fields are counted from behind its last `)`. */
function parseStat(text: string): ProcessStat | null {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, , group] = fields;
  const startTick = fields[22 - 3];
  if (state === undefined || group === undefined || startTick === undefined) return null;
  const isKernelThread = (Number(fields[9 - 3]) & PF_KTHREAD) !== 0;
  const isBetweenPrograms = !isKernelThread && fields[51 - 3] === "0";
  return { zombie: state === "Z" || state === "X", group: Number(group), startTick, isBetweenPrograms };
}

let bootIdText: string | undefined;

async function bootId(): Promise<string> {
  bootIdText ??= (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  return bootIdText;
}

async function identityFromPs(pid: number): Promise<ProcessIdentity | null> {
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      timeout: PS_TIMEOUT_MS,
      env: { LC_ALL: "C", PATH: "/bin:/usr/bin" },
    });
    const [state, startTime] = stdout.trim().split(/\s+(.*)/s);
    return state === undefined || startTime === undefined || state.startsWith("Z") ? null : { pid, startTime };
  } catch {
    return null; // ps exits 1 when there is no such process.
  }
}
