// At its end the demo judges by the forge's own records, and not by what HydraFlow says of itself.

import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import type { ForgeReader } from "../forge/repositories/forge-reader.ts";
import type { LedgerEntry } from "../forge/store/ledger.ts";
import type { DemoRepository, DemoWorld } from "./demo-world.ts";
import { ROBOT } from "./demo-world.ts";
import { runGit } from "./demo-git.ts";

export interface DemoSummary {
  /** So many issues have their pull request merged and their change on the default branch. */
  readonly merged: number;
  /** So many issues went through a person. */
  readonly hitl: number;
  /** So many issues were closed without a change, because it was there already. */
  readonly closed: number;
  readonly failed: number;
  /** So many outside effects happened more than once: pull requests, merges, comments of one kind. */
  readonly duplicates: number;
}

const FIXED_LABEL = "hydraflow-fixed";
const DUP_LABEL = "hydraflow-dup";
const CLAIM_LABEL = "hydraflow-in-progress";
const HITL_LABEL = "hydraflow-hitl";
const HEADS = "refs/heads/";
const OWN_LABEL = /^hydraflow-/;
const MARKER = /<!-- hydraflow:(\S+)/;
const CLAIM_EXPIRY = /<!-- hydraflow:claim [^\n<]*"expires":"([^"]+)"/;

export async function summarise(world: DemoWorld, signal: AbortSignal): Promise<DemoSummary> {
  const counts = { merged: 0, hitl: 0, closed: 0, failed: 0 };
  const ledger = world.forge.ledger;
  for (const repository of world.repositories) {
    for (const { number, sample } of repository.issues) {
      const end = await endOf(world, repository, number, signal);
      if (end === sample.expected) counts[end] += 1;
      else counts.failed += 1;
      if (ledger.some((entry) => isHandOff(entry, repository.fullName, number))) counts.hitl += 1;
    }
  }
  return { ...counts, duplicates: countDuplicates(ledger) };
}

/** Runs each repository's tests on its default branch as it is now; gives one line per suite that fails. */
export async function failingSuites(world: DemoWorld, signal: AbortSignal): Promise<string[]> {
  const failures: string[] = [];
  for (const repository of world.repositories) {
    const cwd = await fetchMain(world, repository, signal);
    const { status } = spawnSync(process.execPath, ["--test"], { cwd, env: { PATH: world.path }, stdio: "ignore" });
    if (status !== 0) failures.push(`the tests of ${repository.fullName} fail on its default branch`);
  }
  return failures;
}

/** Counts the issues that have come to an end, whichever, with their claim given back. */
export function countEnded(world: DemoWorld): number {
  return world.repositories.flatMap((repository) =>
    repository.issues.filter(({ number }) => isEnded(world.forge.issue(repository.fullName, number))),
  ).length;
}

function isEnded({ state, labels }: { readonly state: string; readonly labels: readonly string[] }): boolean {
  return (
    state === "closed" && (labels.includes(FIXED_LABEL) || labels.includes(DUP_LABEL)) && !labels.includes(CLAIM_LABEL)
  );
}

/** Counts how often something happened that must happen once, above the one time. */
export function countDuplicates(ledger: readonly LedgerEntry[]): number {
  return duplicatesIn(ledger).reduce((sum, { times }) => sum + times - 1, 0);
}

/** Each write that must happen once is named by what it is and where; names that come more often are returned. */
export function duplicatesIn(ledger: readonly LedgerEntry[]): { readonly what: string; readonly times: number }[] {
  const seen = new Map<string, number>();
  for (const entry of ledger) {
    const key = onceKeyOf(entry);
    if (key !== undefined) seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  return [...seen].filter(([, times]) => times > 1).map(([what, times]) => ({ what, times }));
}

function onceKeyOf(entry: LedgerEntry): string | undefined {
  if (entry.actor !== ROBOT) return undefined;
  if (entry.kind === "pull.created") return `${entry.repo} pull ${String(entry.detail["head"])}`;
  if (entry.kind === "pull.merged" || entry.kind === "issue.closed")
    return `${entry.repo} ${entry.kind} ${entry.number}`;
  // A reviewer that was asked again words it anew, so the commit identifies a review, and not the text.
  if (entry.kind === "review.created")
    return `${entry.repo} review ${entry.number} of ${String(entry.detail["commit"])}`;
  if (entry.kind === "comment.created") {
    const body = String(entry.detail["body"]);
    return `${entry.repo} ${entry.number} ${MARKER.exec(body)?.[1] ?? body}`;
  }
  return undefined;
}

/**
 * Names in words what still stands on the forge of work that has ended: of issues the label or claim that is too much,
 * pull requests that are open, and branches beside `main`.
 */
export function orphansOn(forge: ForgeReader, repo: string): string[] {
  const [issues, pulls] = [forge.issues(repo), forge.pulls(repo)];
  const records = [...issues, ...pulls].flatMap(({ number, state, labels }) => [
    ...(state === "open" ? [`${repo}#${number} is open`] : []),
    ...tooMany(labels).map((label) => `${repo}#${number} is labelled ${label}`),
  ]);
  const claims = issues.flatMap(({ number }) =>
    forge.comments(repo, number).flatMap(({ author, body }) => {
      return author === ROBOT && isStandingClaim(body) ? [`${repo}#${number} is still claimed`] : [];
    }),
  );
  const branches = Object.keys(forge.refs(repo)).filter((ref) => ref.startsWith(HEADS) && ref !== `${HEADS}main`);
  return [...records, ...claims, ...branches.map((ref) => `${repo}: ${ref.slice(HEADS.length)} is there`)];
}

/** An issue that has ended wears one of two labels of ours, and no other. */
function tooMany(labels: readonly string[]): string[] {
  const own = labels.filter((label) => OWN_LABEL.test(label));
  return own.length > 1 ? own : own.filter((label) => label !== FIXED_LABEL && label !== DUP_LABEL);
}

/** A released claim expired in 1970. */
function isStandingClaim(body: string): boolean {
  const expires = CLAIM_EXPIRY.exec(body)?.[1];
  return expires !== undefined && Date.parse(expires) > 0;
}

function isHandOff(entry: LedgerEntry, repo: string, number: number): boolean {
  return (
    entry.repo === repo &&
    entry.number === number &&
    entry.kind === "label.added" &&
    entry.detail["label"] === HITL_LABEL
  );
}

async function endOf(
  world: DemoWorld,
  repository: DemoRepository,
  number: number,
  signal: AbortSignal,
): Promise<"merged" | "closed" | "failed"> {
  const issue = world.forge.issue(repository.fullName, number);
  if (issue.state !== "closed") return "failed";
  if (issue.labels.includes(DUP_LABEL)) return "closed";
  const wanted = repository.issues.find((candidate) => candidate.number === number)?.sample.wanted ?? {};
  const directory = await fetchMain(world, repository, signal);
  for (const [path, text] of Object.entries(wanted)) {
    const found = await readFile(join(directory, path), "utf8").catch(() => "");
    if (!found.includes(text.trim())) return "failed";
  }
  return issue.labels.includes(FIXED_LABEL) ? "merged" : "failed";
}

/** Makes a fresh clone of what the forge has now, apart from every directory that HydraFlow knows. */
async function fetchMain(world: DemoWorld, { fullName, slug }: DemoRepository, signal: AbortSignal): Promise<string> {
  const directory = join(world.directory, "verdict", slug);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const url = `${world.forge.url}/${fullName}.git`;
  await runGit({ directory, url, token: world.githubToken, path: world.path }, ["clone", "-q", url, "."], signal);
  return directory;
}
