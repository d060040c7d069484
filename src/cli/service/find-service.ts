// The service that belongs to this installation: its program by absolute paths, and a PATH on which the daemon finds
// git and the agent CLIs as the operator does. A program that a service cannot see is refused, not installed to fail.

import { access, constants, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";

import { ok, type Result } from "../../core/base/result.ts";
import { type CliFailure, failWith } from "../print/failure.ts";
import type { Terminal } from "../print/terminal.ts";
import { LINUX_PATH, MACOS_PATH, type ServiceScope } from "./service-layout.ts";
import { planLaunchd, planSystemd, type ServicePlan, stateDirectory } from "./service-plan.ts";

const PROGRAMS = ["claude", "codex", "gemini", "opencode", "git"];
/** ProtectHome and PrivateTmp hide these from the system service. */
const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp)(?:\/|$)/;

export interface FoundService {
  readonly plan: ServicePlan;
  readonly scope: ServiceScope;
  /** Notes that the operator should know, one line each. */
  readonly notes: readonly string[];
  /** Says why the service could not run as it is. */
  readonly obstacle: string | undefined;
}

export async function findService(scope: ServiceScope, terminal: Terminal): Promise<Result<FoundService, CliFailure>> {
  const isMac = process.platform === "darwin";
  if (!isMac && process.platform !== "linux") {
    return failWith("failure", `services are known for systemd and launchd, not for ${process.platform}`);
  }
  const program = [await realpath(terminal.host.execPath), await realpath(terminal.host.argv[1] ?? "")];
  const isHidden = (path: string): boolean => scope === "system" && !isMac && HIDDEN.test(path);
  const { directories, notes } = await findPrograms(terminal.environment["PATH"] ?? "", isHidden);
  const path = [...new Set([...directories, ...(isMac ? MACOS_PATH : LINUX_PATH).split(delimiter)])].join(delimiter);
  const account = { home: homedir(), uid: terminal.host.getuid?.() ?? 0 };
  const home = stateDirectory(scope, isMac, account);
  const documentation = `file://${join(dirname(dirname(program[1] ?? "")), "docs/operations.md")}`;
  const layout = { scope, program, home, path, documentation };
  const plan = isMac ? planLaunchd(layout, home, account) : planSystemd(layout, home, account);
  const hidden = program.find(isHidden);
  const obstacle =
    hidden === undefined
      ? undefined
      : `a system service cannot see ${hidden}; install HydraFlow below /opt, or use --user`;
  return ok({ plan, scope, notes, obstacle });
}

async function findPrograms(searchPath: string, isHidden: (path: string) => boolean) {
  const directories: string[] = [];
  const notes: string[] = [];
  for (const program of PROGRAMS) {
    const directory = await findDirectory(program, searchPath);
    if (directory === undefined) continue;
    if (isHidden(directory)) notes.push(`${program} lies in ${directory}, which a system service cannot see`);
    else directories.push(directory);
  }
  return { directories, notes };
}

async function findDirectory(program: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(delimiter).filter(isAbsolute)) {
    const isThere = await access(join(directory, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return directory;
  }
  return undefined;
}
