// A group of contract cases runs over both doubles. A case sees the port and the world, and never which of the two it
// is.

import { describe, expect, test } from "vitest";

import type { Result } from "../../../src/core/base/result.ts";
import type { GitHub, MergeRequest } from "../../../src/worker/github/port/github.ts";
import { ForgeWorld } from "./forge-world.ts";
import type { GitHubWorld } from "./github-world.ts";
import { MemoryWorld } from "./memory-world.ts";

/** The linter knows `expect` in tests only; a case is none before `contract` makes it one. */
export { expect };
export const signal = new AbortController().signal;

type Case = (world: GitHubWorld, github: GitHub) => Promise<void>;

const WORLDS: Readonly<Record<GitHubWorld["kind"], () => Promise<GitHubWorld>>> = {
  forge: () => ForgeWorld.start(),
  memory: () => Promise.resolve(new MemoryWorld()),
};

/** `github` is what the worker has. */
export function contract(title: string, cases: Readonly<Record<string, Case>>): void {
  describe.each(Object.entries(WORLDS))(`${title}, by the double called %s`, (_kind, start) => {
    test.each(Object.entries(cases))("%s", async (_title, run) => {
      await using world = await start();
      await run(world, await world.connect());
    });
  });
}

export async function value<T>(answer: Promise<Result<T, unknown>>): Promise<T> {
  const given = await answer;
  if (given.ok) return given.value;
  throw new Error(`refused: ${JSON.stringify(given.failure)}`);
}

/** Gives the failure of an answer that must be one. */
export async function refusal<F>(answer: Promise<Result<unknown, F>>): Promise<F> {
  const given = await answer;
  if (!given.ok) return given.failure;
  throw new Error("it was not refused");
}

export interface OpenedPull {
  readonly number: number;
  readonly headSha: string;
  readonly nodeId: string;
}

/** Pushes a branch and opens a pull request for it, as the worker does. */
export async function openPull(
  world: GitHubWorld,
  github: GitHub,
  branch = "work",
  { title = `Work on ${branch}`, body = "", draft = false, base = "main" } = {},
): Promise<OpenedPull> {
  await world.push(branch);
  return await value(github.createPull({ title, body, head: branch, base, draft }, signal));
}

/** Tries to merge as the worker does. */
export function merge(
  github: GitHub,
  { number, headSha }: Pick<OpenedPull, "number" | "headSha">,
  { method = "squash", title = "Do it", message = "" }: Partial<Omit<MergeRequest, "headSha">> = {},
) {
  return github.merge(number, { headSha, method, title, message }, signal);
}
