// An owner works on GitHub's settings pages through this, for the process that the forge lives in and for `/_forge`:
// settings, protection, rulesets, renaming, apps; and what only a page can do with an issue: transfer, delete, lock.

import { HydraError } from "../../core/base/errors.ts";
import { z } from "../../core/base/schema.ts";
import { type AppInput, botLogin } from "../store/app-registry.ts";
import { type ForgeCore, saveAll, type Write } from "../kernel/forge-core.ts";
import { deleteIssue, lockIssue, transferIssue } from "../issues/issue-moves.ts";
import { writePushRules } from "../pulls/push-rules.ts";
import { isPull, type IssueRecord, type LockReason, nextId } from "../store/repository-record.ts";
import {
  changedSettings,
  protectionFields,
  type RuleRecord,
  type RulesetRecord,
  type SettingsEdit,
} from "../store/repository-settings.ts";
import type { StoredRepository } from "../store/repository-store.ts";
import { localCause } from "./repository-writes.ts";

const protectionSchema = z.strictObject(protectionFields);
export type ProtectionInput = z.input<typeof protectionSchema>;

export interface RulesetInput {
  readonly name?: string | undefined;
  /** It names branches, `~DEFAULT_BRANCH` or `~ALL`; it is the default branch when absent. */
  readonly refs?: readonly string[] | undefined;
  readonly rules: readonly RuleRecord[];
}

/** Repositories are named `owner/name`. Everything is on disk when it resolves. */
export class ForgeOwner {
  readonly #core: ForgeCore;

  constructor(core: ForgeCore) {
    this.#core = core;
  }

  async change(repo: string, edit: SettingsEdit): Promise<void> {
    const repository = this.#named(repo);
    repository.record.settings = changedSettings(repository.record.settings, edit);
    if (repository.record.settings.lag === null) repository.replica = null;
    await writePushRules(repository);
    await repository.file.save();
  }

  /** Null takes the protection away. */
  async protect(repo: string, branch: string, protection: ProtectionInput | null): Promise<void> {
    const repository = this.#named(repo);
    const { [branch]: _old, ...others } = repository.record.protections;
    repository.record.protections =
      protection === null ? others : { ...others, [branch]: z.parse(protectionSchema, protection) };
    await writePushRules(repository);
    await repository.file.save();
  }

  /** They replace all rulesets so far. */
  async setRulesets(repo: string, rulesets: readonly RulesetInput[]): Promise<void> {
    const repository = this.#named(repo);
    repository.record.rulesets = rulesets.map((input) => newRuleset(repository, input));
    await repository.file.save();
  }

  /** `to` is `owner/name`; the old name leads there. */
  async rename(repo: string, to: string): Promise<void> {
    const repository = this.#named(repo);
    const [owner = "", name = ""] = to.split("/");
    if (name === "" || this.#core.store.find(to) !== undefined) {
      throw new HydraError("FORGE_INPUT", `${to} is no name for a repository, or taken`);
    }
    this.#core.store.rename(repository, owner, name);
    await repository.file.save();
  }

  /** Gives its number there. */
  async transferIssue(repo: string, number: number, to: string): Promise<number> {
    const target = this.#named(to);
    const moved = await this.#onIssue(repo, number, (write, issue) => transferIssue(write, issue, target));
    await saveAll(this.#core, target);
    return moved;
  }

  async deleteIssue(repo: string, number: number): Promise<void> {
    await this.#onIssue(repo, number, deleteIssue);
  }

  /** Null unlocks. */
  async lockIssue(repo: string, number: number, reason: LockReason | null = ""): Promise<void> {
    await this.#onIssue(repo, number, (write, issue) => lockIssue(write, issue, reason));
  }

  /** Sets how many review conversations of a pull request are unresolved. */
  async setOpenThreads(repo: string, number: number, count: number): Promise<void> {
    await this.#onIssue(repo, number, (_write, issue) => {
      if (isPull(issue)) issue.pull.openThreads = count;
    });
  }

  /** Makes an app with a key of its own and installs it; its bot may write where it is installed. */
  async installApp(
    input: AppInput & { readonly owner?: string | undefined },
  ): Promise<{ appId: number; installationId: number; privateKey: string; login: string }> {
    const { owner = input.repositories[0]?.split("/")[0] ?? "forge", ...rest } = input;
    const { app, privateKey } = await this.#core.apps.add(owner, rest);
    const login = botLogin(app);
    for (const name of input.repositories) {
      const repository = this.#named(name);
      repository.record.collaborators[login.toLowerCase()] = "write";
      await repository.file.save();
    }
    return { appId: app.id, installationId: app.installationId, privateKey, login };
  }

  async #onIssue<T>(repo: string, number: number, act: (write: Write, issue: IssueRecord) => T): Promise<T> {
    const repository = this.#named(repo);
    const issue = repository.record.issues[number - 1];
    if (issue === undefined) throw new HydraError("FORGE_INPUT", `${repo} has no issue ${number}`);
    const done = act({ core: this.#core, repository, cause: localCause(repository.record.owner) }, issue);
    await saveAll(this.#core, repository);
    return done;
  }

  #named(repo: string): StoredRepository {
    const found = this.#core.store.find(repo);
    if (found === undefined) throw new HydraError("FORGE_INPUT", `there is no repository ${repo}`);
    return found;
  }
}

export function newRuleset(repository: StoredRepository, input: RulesetInput): RulesetRecord {
  const refs = (input.refs ?? ["~DEFAULT_BRANCH"]).map((ref) =>
    ref.startsWith("~") || ref.startsWith("refs/") ? ref : `refs/heads/${ref}`,
  );
  return { id: nextId(repository.record), name: input.name ?? "rules", refs, rules: input.rules };
}
