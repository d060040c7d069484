// These views show branches, their protection and rulesets as GitHub does.

import type { AppliedRule } from "../store/branch-rules.ts";
import type { Commit } from "../git/bare-repository.ts";
import { fullName, type RepositoryRecord } from "../store/repository-record.ts";
import type { ProtectionRecord, RulesetRecord } from "../store/repository-settings.ts";
import { commitView } from "./commit-view.ts";
import { repositoryApiUrl, repositoryHtmlUrl } from "./repository-view.ts";
import { nodeId, userView } from "./user-view.ts";

/** Everybody who may read sees which checks are required, and no more of the protection. */
export function branchView(origin: string, repository: RepositoryRecord, branch: string, commit: Commit) {
  const url = `${repositoryApiUrl(origin, repository)}/branches/${branch}`;
  const protection = repository.protections[branch];
  const checks = protection?.checks ?? [];
  return {
    name: branch,
    commit: commitView(origin, repository, commit),
    _links: { self: url, html: `${repositoryHtmlUrl(origin, repository)}/tree/${branch}` },
    protected: protection !== undefined || repository.rulesets.length > 0,
    protection: {
      enabled: protection !== undefined,
      required_status_checks: {
        enforcement_level: checks.length === 0 ? "off" : "non_admins",
        contexts: checks,
        checks: checks.map((context) => ({ context, app_id: null })),
      },
    },
    protection_url: `${url}/protection`,
  };
}

export function protectionView(
  origin: string,
  repository: RepositoryRecord,
  branch: string,
  protection: ProtectionRecord,
) {
  const url = `${repositoryApiUrl(origin, repository)}/branches/${branch}/protection`;
  const { checks, restrictedTo } = protection;
  return {
    url,
    ...(checks.length === 0
      ? {}
      : {
          required_status_checks: {
            url: `${url}/required_status_checks`,
            strict: protection.strict,
            contexts: checks,
            contexts_url: `${url}/required_status_checks/contexts`,
            checks: checks.map((context) => ({ context, app_id: null })),
          },
        }),
    ...(protection.approvals === 0 && !protection.codeOwners
      ? {}
      : {
          required_pull_request_reviews: {
            url: `${url}/required_pull_request_reviews`,
            dismiss_stale_reviews: protection.dismissStale,
            require_code_owner_reviews: protection.codeOwners,
            required_approving_review_count: protection.approvals,
            require_last_push_approval: false,
          },
        }),
    ...(restrictedTo === null ? {} : { restrictions: restrictionsView(origin, url, restrictedTo) }),
    required_signatures: { url: `${url}/required_signatures`, enabled: protection.signatures },
    enforce_admins: { url: `${url}/enforce_admins`, enabled: true },
    required_linear_history: { enabled: false },
    allow_force_pushes: { enabled: false },
    allow_deletions: { enabled: false },
    block_creations: { enabled: false },
    required_conversation_resolution: { enabled: protection.conversations },
    lock_branch: { enabled: false },
    allow_fork_syncing: { enabled: false },
  };
}

function restrictionsView(origin: string, url: string, logins: readonly string[]) {
  const place = `${url}/restrictions`;
  return {
    url: place,
    users_url: `${place}/users`,
    teams_url: `${place}/teams`,
    apps_url: `${place}/apps`,
    users: logins.map((login) => userView(origin, login)),
    teams: [],
    apps: [],
  };
}

/** Shows one active rule of a branch, with where it comes from. */
export function ruleView(repository: RepositoryRecord, { ruleset, rule }: AppliedRule) {
  return {
    type: rule.type,
    ...(rule.parameters === undefined ? {} : { parameters: rule.parameters }),
    ruleset_source_type: "Repository",
    ruleset_source: fullName(repository),
    ruleset_id: ruleset.id,
  };
}

export function rulesetView(origin: string, repository: RepositoryRecord, ruleset: RulesetRecord) {
  const self = `${repositoryApiUrl(origin, repository)}/rulesets/${ruleset.id}`;
  return {
    id: ruleset.id,
    node_id: nodeId("RepositoryRuleset", ruleset.id),
    name: ruleset.name,
    target: "branch",
    source_type: "Repository",
    source: fullName(repository),
    enforcement: "active",
    conditions: { ref_name: { include: ruleset.refs, exclude: [] } },
    rules: ruleset.rules,
    bypass_actors: [],
    created_at: repository.createdAt,
    updated_at: repository.updatedAt,
    _links: { self: { href: self }, html: { href: `${repositoryHtmlUrl(origin, repository)}/rules/${ruleset.id}` } },
  };
}
