// The sample is a small git checkout with one commit and, if asked for, an origin.

import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

export interface SampleCheckout {
  readonly directory: string;
  readonly origin?: string;
  readonly files?: Readonly<Record<string, string>>;
}

export async function makeCheckout({
  directory,
  origin,
  files = { "README.md": "sample\n" },
}: SampleCheckout): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  await git(directory, "init", "-q", "-b", "main");
  await git(directory, "add", "-A");
  await git(directory, "commit", "-q", "-m", "Start");
  if (origin !== undefined) await git(directory, "remote", "add", "origin", origin);
  return directory;
}

export async function git(directory: string, ...args: string[]): Promise<string> {
  const identity = {
    GIT_AUTHOR_NAME: "test",
    GIT_AUTHOR_EMAIL: "test@example.com",
    GIT_COMMITTER_NAME: "test",
    GIT_COMMITTER_EMAIL: "test@example.com",
  };
  const { stdout } = await promisify(execFile)("git", args, {
    cwd: directory,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: directory,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      ...identity,
    },
  });
  return stdout.trim();
}
