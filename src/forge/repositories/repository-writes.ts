// Whoever sets a scene makes repositories and puts commits into them through this.

import { HydraError } from "../../core/base/errors.ts";
import { parseRepositoryName } from "../../core/domain/repository-name.ts";
import { emit, type ForgeCore, isoNow, saveAll } from "../kernel/forge-core.ts";
import { followRefs } from "../pulls/ref-writes.ts";
import type { Permission } from "../store/repository-record.ts";
import { changedSettings, DEFAULT_SETTINGS, type SettingsEdit } from "../store/repository-settings.ts";
import type { StoredRepository } from "../store/repository-store.ts";

export interface RepositoryInput {
  readonly owner: string;
  readonly name: string;
  /** It is `main` when absent. */
  readonly defaultBranch?: string | undefined;
  readonly private?: boolean | undefined;
  /** Absent means the forge's own command, null means no CI. */
  readonly ci?: { readonly command: string } | null | undefined;
  readonly collaborators?: Readonly<Record<string, Permission>> | undefined;
  /** The first commit has these: path → content; without any, one with a README.md is made. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  readonly settings?: SettingsEdit | undefined;
}

export interface CommitInput {
  readonly branch: string;
  /** A new branch starts there; it is the default branch when absent. */
  readonly from?: string | undefined;
  readonly message: string;
  /** Maps each path to its whole content. */
  readonly files: Readonly<Record<string, string>>;
}

export async function createRepository(core: ForgeCore, input: RepositoryInput): Promise<StoredRepository> {
  const name = parseRepositoryName(`${input.owner}/${input.name}`);
  if (!name.ok) throw new HydraError("FORGE_INPUT", name.failure.message);
  if (core.store.find(name.value.fullName) !== undefined)
    throw new HydraError("FORGE_INPUT", `${name.value.fullName} exists already`);
  const now = isoNow(core);
  const collaborators = Object.entries(input.collaborators ?? {}).map(([login, permission]) => [
    login.toLowerCase(),
    permission,
  ]);
  const repository = await core.store.add(
    {
      id: core.store.nextRepositoryId(),
      owner: input.owner,
      name: input.name,
      private: input.private ?? false,
      defaultBranch: input.defaultBranch ?? "main",
      createdAt: now,
      updatedAt: now,
      pushedAt: now,
      ...(input.ci === undefined ? {} : { ci: input.ci?.command ?? null }),
      collaborators: Object.fromEntries(collaborators) as Record<string, Permission>,
      ids: 0,
      labels: [],
      issues: [],
      checks: [],
      statuses: [],
      webhooks: [],
      refs: {},
      settings: changedSettings(DEFAULT_SETTINGS, input.settings ?? {}),
      protections: {},
      rulesets: [],
      suites: [],
      formerNames: [],
    },
    core.signal,
  );
  emit({ core, repository, cause: localCause(input.owner) }, { kind: "repository.created" });
  const files = input.files ?? { "README.md": `# ${input.name}\n` };
  await commitFiles(core, repository, { branch: repository.record.defaultBranch, message: "Initial commit", files });
  return repository;
}

export async function commitFiles(core: ForgeCore, repository: StoredRepository, input: CommitInput): Promise<string> {
  const { git, record } = repository;
  const { branch, from = record.defaultBranch, message, files } = input;
  await repository.refTurns.run(() => git.commitFiles({ branch, from, message, files }, core.clock.now(), core.signal));
  await followRefs({ core, repository, cause: localCause(record.owner) }, core.signal);
  await saveAll(core, repository);
  return record.refs[`refs/heads/${branch}`] ?? "";
}

/** The forge's own methods write with this cause. */
export function localCause(actor: string): { actor: string; method: string; path: string } {
  return { actor, method: "LOCAL", path: "" };
}
