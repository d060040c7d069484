// Decides whether a person must look at a change before it may be merged, and what exactly a person has let pass. It
// judges the commit that is pushed, from objects alone; protected-paths.ts has the rules.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { followLink } from "../git/changes/change-links.ts";
import type { ChangedFile } from "../git/changes/change-output.ts";
import type { Change, ChangeReader } from "../git/changes/change-reader.ts";
import type { GitFailure } from "../git/command/git-failure.ts";
import type { PullRequest } from "../github/port/github.ts";
import type { Approval } from "../state/issue-state.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { currentBase } from "./change-under-review.ts";
import type { WorkParts } from "../workbench/commit-and-gate.ts";
import { changedInstallScripts, isManifest } from "./install-scripts.ts";
import { namesThrough } from "./protected-links.ts";
import {
  fingerprintOf,
  type JudgedPath,
  pathList,
  protectedOf,
  protectedQuestion,
  type ProtectionSettings,
} from "./protected-paths.ts";

export interface JudgedChange {
  /** They are sorted. */
  readonly paths: readonly string[];
  readonly files: readonly ChangedFile[];
  /** The change brings in these links, which lead out of the tree. */
  readonly strayLinks: readonly string[];
}

/** Returns null when the change touches nothing protected, or a person has let pass exactly this. */
export async function protectedOutcome(
  { context, run, workspace }: WorkParts,
  pull: PullRequest,
  signal: AbortSignal,
): Promise<StageOutcome | null> {
  const judged = await judgeBranch({ context, workspace }, signal);
  if (!judged.ok) return judged.failure;
  const { paths, files, strayLinks } = judged.value;
  if (strayLinks.length > 0) return handOff("review", strayQuestion(pull.number, strayLinks));
  if (paths.length === 0 || fingerprintOf(files) === run.state().approved?.of) return null;
  return handOff("review", protectedQuestion(pull.number, paths));
}

/** Returns what a person approves who approves the work branch as it is now. */
export async function currentApproval(
  parts: { readonly context: StageContext; readonly workspace: WorkParts["workspace"] },
  signal: AbortSignal,
): Promise<Result<Pick<Approval, "of" | "paths">, StageOutcome>> {
  const judged = await judgeBranch(parts, signal);
  return judged.ok ? ok({ of: fingerprintOf(judged.value.files), paths: judged.value.paths }) : judged;
}

/** Finds the protected part of a change. */
export async function judgeChange(
  reader: ChangeReader,
  change: Change,
  settings: ProtectionSettings,
  signal: AbortSignal,
): Promise<Result<JudgedChange, GitFailure>> {
  const before = await reader.links(change.base, signal);
  if (!before.ok) return before;
  const after = await reader.links(change.head, signal);
  if (!after.ok) return after;
  const namesOf = namesThrough([before.value, after.value]);
  const newLinks = change.files.filter(({ newMode }) => newMode === "120000");
  const ends = new Map(newLinks.map(({ path }) => [path, followLink(path, after.value)]));
  const judged = change.files.map(({ path }): JudgedPath => {
    const [names, end] = [namesOf(path), ends.get(path)];
    return { path, names: names !== null && end?.kind === "inside" ? [...names, end.path] : names };
  });
  const manifests = change.files.filter((_, index) => {
    const { path, names } = judged[index] ?? { path: "", names: null };
    return [path, ...(names ?? [])].some(isManifest);
  });
  const scripts = settings.protectLockfiles
    ? await changedInstallScripts(reader, { ...change, files: manifests }, signal)
    : ok([]);
  if (!scripts.ok) return scripts;
  const paths = [...new Set([...protectedOf(judged, settings), ...scripts.value])].toSorted();
  const strayLinks = newLinks.map(({ path }) => path).filter((path) => ends.get(path)?.kind === "outside");
  return ok({ paths, strayLinks, files: change.files.filter(({ path }) => paths.includes(path)) });
}

async function judgeBranch(
  { context, workspace }: { readonly context: StageContext; readonly workspace: WorkParts["workspace"] },
  signal: AbortSignal,
): Promise<Result<JudgedChange, StageOutcome>> {
  const head = await workspace.work.headSha(signal);
  if (!head.ok) return fail(gitOutcome(head.failure));
  const base = await currentBase({ context, workspace }, signal);
  if (!base.ok) return base;
  const reader = workspace.work.changes;
  const change = await reader.readChange({ base: base.value, head: head.value }, signal);
  if (!change.ok) return fail(gitOutcome(change.failure));
  const judged = await judgeChange(reader, change.value, context.config, signal);
  return judged.ok ? judged : fail(gitOutcome(judged.failure));
}

function strayQuestion(pull: number, links: readonly string[]): string {
  return `The change in #${pull} is approved by the reviewing agent, but it brings in symbolic links that lead out of the repository, where whatever follows them reads or writes files of the machine it runs on:\n${pathList(links)}\n\nHydraFlow does not merge such links. Say what is to stand there instead, or merge it yourself.`;
}
