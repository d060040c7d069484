// This is one bare repository on disk: it reads refs, commits and differences. Nothing here knows about pull requests.
//
// I1 Git itself makes all objects.
// I2 No push is overwritten: a branch moves by compare-and-swap, or by an import that refuses to drop commits.

import { mkdir } from "node:fs/promises";

import { HydraError } from "../../core/base/errors.ts";
import { type GitAnswer, runGit } from "./git-process.ts";

export interface Commit {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
}

export interface Signature {
  readonly name: string;
  readonly email: string;
  /** The time is ISO, in UTC. */
  readonly date: string;
}

export interface CommitParts {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  readonly author: Pick<Signature, "name" | "email">;
}

export interface Divergence {
  readonly aheadBy: number;
  readonly behindBy: number;
}

const NO_OBJECT = "0".repeat(40);
const SHA = /^[0-9a-f]{40}$/;
const COMMIT_FORMAT = ["%H", "%T", "%P", "%an", "%ae", "%ad", "%cn", "%ce", "%cd", "%B"].join("%x00");
const DATE_FORMAT = "--date=format-local:%Y-%m-%dT%H:%M:%SZ";

export class BareRepository {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;

  constructor(directory: string, environment: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.environment = environment;
  }

  async create(defaultBranch: string, signal: AbortSignal): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    await this.run(["init", "-q", "--bare", `--initial-branch=${defaultBranch}`, "."], signal);
    const settings = {
      "http.receivepack": "true",
      "receive.hideRefs": "refs/pull",
      "uploadpack.allowAnySHA1InWant": "true",
      "uploadpack.allowFilter": "true",
      "gc.auto": "0",
    };
    for (const [key, value] of Object.entries(settings)) await this.run(["config", key, value], signal);
  }

  /** Gives all branches and tags: full ref name → commit. */
  async refs(signal: AbortSignal): Promise<Map<string, string>> {
    const text = await this.run(
      ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"],
      signal,
    );
    return new Map(lines(text).map((line) => [line.slice(41), line.slice(0, 40)]));
  }

  /** Gives the commit of a branch, a tag or a full SHA; null when there is none. */
  async resolve(name: string, signal: AbortSignal): Promise<string | null> {
    const candidates = SHA.test(name)
      ? [name]
      : [`refs/heads/${name}`, `refs/tags/${name}`, ...(name.startsWith("refs/") ? [name] : [])];
    for (const candidate of candidates) {
      const answer = await this.ask(
        ["rev-parse", "--verify", "--quiet", "--end-of-options", `${candidate}^{commit}`],
        signal,
      );
      if (answer.code === 0) return answer.stdout.trim();
    }
    return null;
  }

  /** Gives commits, the newest first. `range` is a SHA, or `base..head`. */
  async commits(range: string, countMax: number, signal: AbortSignal): Promise<Commit[]> {
    const text = await this.run(
      ["log", "-z", `--max-count=${countMax}`, DATE_FORMAT, `--format=tformat:${COMMIT_FORMAT}`, range, "--"],
      signal,
    );
    const fields = text.split("\0");
    const width = COMMIT_FORMAT.split("%x00").length;
    return Array.from({ length: Math.floor(fields.length / width) }, (_, index) =>
      readCommit(fields.slice(index * width, (index + 1) * width)),
    );
  }

  async divergence(base: string, head: string, signal: AbortSignal): Promise<Divergence> {
    const text = await this.run(["rev-list", "--left-right", "--count", `${base}...${head}`], signal);
    const [behindBy = 0, aheadBy = 0] = text.trim().split(/\s+/).map(Number);
    return { aheadBy, behindBy };
  }

  async mergeBase(base: string, head: string, signal: AbortSignal): Promise<string | null> {
    const answer = await this.ask(["merge-base", base, head], signal);
    return answer.code === 0 ? answer.stdout.trim() : null;
  }

  async isAncestor(ancestor: string, descendant: string, signal: AbortSignal): Promise<boolean> {
    return (await this.ask(["merge-base", "--is-ancestor", ancestor, descendant], signal)).code === 0;
  }

  /** Gives the tree of the merge, or null where the two conflict. */
  async mergeTree(base: string, head: string, signal: AbortSignal): Promise<string | null> {
    const answer = await this.ask(["merge-tree", "--write-tree", "--no-messages", base, head], signal);
    if (answer.code > 1) throw new HydraError("FORGE_GIT", `git merge-tree failed: ${answer.stderr.trim()}`);
    return answer.code === 0 ? (lines(answer.stdout)[0] ?? null) : null;
  }

  /** I1: makes the commit, and returns its name. */
  async commitTree({ tree, parents, message, author }: CommitParts, signal: AbortSignal): Promise<string> {
    const environment = { ...this.environment, GIT_AUTHOR_NAME: author.name, GIT_AUTHOR_EMAIL: author.email };
    const args = ["commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent]), "-F", "-"];
    const answer = await runGit(args, { cwd: this.directory, environment, input: message }, signal);
    return this.#stdoutOf(args, answer).trim();
  }

  /**
   * Moves a ref only if it still stands at `from` (null: not there yet); `to` null deletes it. False: it moved
   * meanwhile (I2).
   */
  async updateRef(ref: string, to: string | null, from: string | null, signal: AbortSignal): Promise<boolean> {
    const args = to === null ? ["update-ref", "-d", ref, from ?? ""] : ["update-ref", ref, to, from ?? NO_OBJECT];
    return (await this.ask(args, signal)).code === 0;
  }

  /** Keeps a commit reachable under a ref of the forge's own, wherever that ref stood. */
  async pin(ref: string, sha: string, signal: AbortSignal): Promise<void> {
    await this.run(["update-ref", ref, sha], signal);
  }

  /** Adds one commit with whole files to a branch, made from `from` where the branch is new. */
  async commitFiles(
    change: { branch: string; from: string | null; message: string; files: Readonly<Record<string, string>> },
    at: Date,
    signal: AbortSignal,
  ): Promise<void> {
    const ref = `refs/heads/${change.branch}`;
    const parent =
      (await this.resolve(change.branch, signal)) ??
      (change.from === null ? null : await this.resolve(change.from, signal));
    const stream = [
      `commit ${ref}`,
      `committer Forge <noreply@forge.invalid> ${Math.floor(at.getTime() / 1000)} +0000`,
      data(change.message),
      ...(parent === null ? [] : [`from ${parent}`]),
      ...Object.entries(change.files).flatMap(([path, content]) => [`M 100644 inline ${path}`, data(content)]),
      "",
    ].join("\n");
    // I2
    await this.run(["fast-import", "--quiet", "--date-format=raw"], signal, stream);
  }

  /** Gives the stdout of a command that must succeed. */
  async run(args: readonly string[], signal: AbortSignal, input = ""): Promise<string> {
    return this.#stdoutOf(args, await this.ask(args, signal, input));
  }

  ask(args: readonly string[], signal: AbortSignal, input = ""): Promise<GitAnswer> {
    return runGit(args, { cwd: this.directory, environment: this.environment, input }, signal);
  }

  #stdoutOf(args: readonly string[], answer: GitAnswer): string {
    if (answer.code === 0) return answer.stdout;
    throw new HydraError("FORGE_GIT", `git ${args[0]} failed with code ${answer.code}: ${answer.stderr.trim()}`);
  }
}

function readCommit(fields: readonly string[]): Commit {
  const [
    sha = "",
    tree = "",
    parents = "",
    authorName = "",
    authorEmail = "",
    authorDate = "",
    name = "",
    email = "",
    date = "",
    message = "",
  ] = fields;
  return {
    sha,
    tree,
    parents: parents.split(" ").filter((parent) => parent !== ""),
    author: { name: authorName, email: authorEmail, date: authorDate },
    committer: { name, email, date },
    message: message.trimEnd(),
  };
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}`;
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
