// The steps of an installation: each looks first and does only what is missing, so that a second run changes nothing.

import { execFile } from "node:child_process";
import { chmod, lchown, lstat, mkdir, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

import { ensureTokenFile } from "../../core/http/bearer-token.ts";
import { readTextIfExists, replaceFile } from "../../core/files/durable-file.ts";
import { errnoOf } from "../../core/base/errors.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../core/files/paths.ts";
import { ok, type Result } from "../../core/base/result.ts";
import { type CliFailure, failWith } from "../print/failure.ts";

export type Step =
  | { readonly kind: "user"; readonly name: string; readonly command: readonly string[] }
  | { readonly kind: "directory"; readonly path: string; readonly owner: string | undefined }
  | { readonly kind: "token"; readonly path: string; readonly owner: string | undefined }
  | { readonly kind: "file"; readonly path: string; readonly content: string }
  | { readonly kind: "removed-file"; readonly path: string }
  | { readonly kind: "command"; readonly command: readonly string[]; readonly mayFail: boolean };

/** Resolves with whether the step changed anything. */
type StepResult = Result<boolean, CliFailure>;

const COMMAND_TIMEOUT_MS = 120_000;
const FILE_BYTES_MAX = 1_048_576;
const PUBLIC_FILE_MODE = 0o644;

export function describeStep(step: Step): string {
  if (step.kind === "user") return `system user ${step.name}`;
  if (step.kind === "directory") return `directory ${step.path}, mode 0700`;
  if (step.kind === "token") return `admin token ${step.path}, mode 0600`;
  if (step.kind === "file") return `file ${step.path}`;
  if (step.kind === "removed-file") return `remove ${step.path}`;
  return `run ${step.command.join(" ")}`;
}

export async function runStep(step: Step): Promise<StepResult> {
  if (step.kind === "user") return makeUser(step);
  if (step.kind === "directory") return ok(await makeDirectory(step.path, step.owner));
  if (step.kind === "token") return ok(await makeToken(step.path, step.owner));
  if (step.kind === "file") return ok(await writeFileIfOther(step.path, step.content));
  if (step.kind === "removed-file") return ok(await removeFile(step.path));
  const { code, output } = await runCommand(step.command);
  if (code === 0 || step.mayFail) return ok(code === 0);
  return failWith("failure", `${step.command.join(" ")} failed: ${output}`);
}

/** The exit code is −1 when the program is not there, or did not end in time. */
export function runCommand([program = "", ...args]: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      const output = (stdout + stderr).trim() || (error?.message ?? "");
      resolve({ code, output });
    });
  });
}

async function makeUser({ name, command }: Extract<Step, { kind: "user" }>): Promise<StepResult> {
  if ((await runCommand(["id", "-u", name])).code === 0) return ok(false);
  const { code, output } = await runCommand(command);
  return code === 0 ? ok(true) : failWith("failure", `the system user ${name} cannot be made: ${output}`);
}

async function makeDirectory(path: string, owner: string | undefined): Promise<boolean> {
  const made = await mkdir(path, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
  const { mode } = await stat(path);
  const isOpen = (mode & 0o777) !== PRIVATE_DIRECTORY_MODE;
  if (isOpen) await chmod(path, PRIVATE_DIRECTORY_MODE);
  const isHandedOver = await handOver(path, owner);
  return made !== undefined || isOpen || isHandedOver;
}

async function makeToken(path: string, owner: string | undefined): Promise<boolean> {
  const isThere = (await readTextIfExists(path, FILE_BYTES_MAX)) !== undefined;
  await ensureTokenFile(path);
  const isHandedOver = await handOver(path, owner);
  return !isThere || isHandedOver;
}

async function writeFileIfOther(path: string, content: string): Promise<boolean> {
  if ((await readTextIfExists(path, FILE_BYTES_MAX)) === content) return false;
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, content, PUBLIC_FILE_MODE);
  // The umask of whoever calls may be stricter than the service manager can read.
  await chmod(path, PUBLIC_FILE_MODE);
  return true;
}

async function removeFile(path: string): Promise<boolean> {
  try {
    await rm(path);
    return true;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return false;
  }
}

/** Gives the entry itself away, never what a link points to: this runs as root, and others made what lies there. */
async function handOver(path: string, owner: string | undefined): Promise<boolean> {
  if (owner === undefined) return false;
  const [uid, gid] = await Promise.all([idOf("-u", owner), idOf("-g", owner)]);
  const now = await lstat(path);
  if (now.uid === uid && now.gid === gid) return false;
  await lchown(path, uid, gid);
  return true;
}

async function idOf(which: "-u" | "-g", owner: string): Promise<number> {
  const { code, output } = await runCommand(["id", which, owner]);
  if (code !== 0 || !/^\d+$/.test(output)) throw new Error(`there is no user ${owner}`);
  return Number(output);
}
