// This view shows a repository as GitHub does: the full object, which holds everything the smaller ones have.

import { fullName, type RepositoryRecord } from "../store/repository-record.ts";
import { allows, permissionOf } from "../store/permission.ts";
import { nodeId, userView } from "./user-view.ts";

/** GitHub's URL templates map a field to a path below the repository's own URL. */
const URL_FIELDS: Readonly<Record<string, string>> = {
  archive_url: "/{archive_format}{/ref}",
  assignees_url: "/assignees{/user}",
  blobs_url: "/git/blobs{/sha}",
  branches_url: "/branches{/branch}",
  collaborators_url: "/collaborators{/collaborator}",
  comments_url: "/comments{/number}",
  commits_url: "/commits{/sha}",
  compare_url: "/compare/{base}...{head}",
  contents_url: "/contents/{+path}",
  contributors_url: "/contributors",
  deployments_url: "/deployments",
  downloads_url: "/downloads",
  events_url: "/events",
  forks_url: "/forks",
  git_commits_url: "/git/commits{/sha}",
  git_refs_url: "/git/refs{/sha}",
  git_tags_url: "/git/tags{/sha}",
  hooks_url: "/hooks",
  issue_comment_url: "/issues/comments{/number}",
  issue_events_url: "/issues/events{/number}",
  issues_url: "/issues{/number}",
  keys_url: "/keys{/key_id}",
  labels_url: "/labels{/name}",
  languages_url: "/languages",
  merges_url: "/merges",
  milestones_url: "/milestones{/number}",
  notifications_url: "/notifications{?since,all,participating}",
  pulls_url: "/pulls{/number}",
  releases_url: "/releases{/id}",
  stargazers_url: "/stargazers",
  statuses_url: "/statuses/{sha}",
  subscribers_url: "/subscribers",
  subscription_url: "/subscription",
  tags_url: "/tags",
  teams_url: "/teams",
  trees_url: "/git/trees{/sha}",
};

export function repositoryApiUrl(origin: string, repository: RepositoryRecord): string {
  return `${origin}/api/v3/repos/${fullName(repository)}`;
}

export function repositoryHtmlUrl(origin: string, repository: RepositoryRecord): string {
  return `${origin}/${fullName(repository)}`;
}

/** `login` is who asks: `permissions` are theirs. */
export function repositoryView(origin: string, repository: RepositoryRecord, login: string) {
  const url = repositoryApiUrl(origin, repository);
  const html = repositoryHtmlUrl(origin, repository);
  const openIssues = repository.issues.filter((issue) => issue.state === "open").length;
  return {
    id: repository.id,
    node_id: nodeId("Repository", repository.id),
    name: repository.name,
    full_name: fullName(repository),
    owner: userView(origin, repository.owner),
    private: repository.private,
    visibility: repository.private ? "private" : "public",
    html_url: html,
    description: null,
    fork: false,
    url,
    ...Object.fromEntries(Object.entries(URL_FIELDS).map(([field, path]) => [field, url + path])),
    clone_url: `${html}.git`,
    git_url: `${html}.git`,
    ssh_url: `${html}.git`,
    svn_url: html,
    mirror_url: null,
    homepage: null,
    language: null,
    license: null,
    topics: [],
    default_branch: repository.defaultBranch,
    created_at: repository.createdAt,
    updated_at: repository.updatedAt,
    pushed_at: repository.pushedAt,
    ...countsView(openIssues),
    ...featuresView(repository),
    permissions: permissionsView(repository, login),
  };
}

function countsView(openIssues: number) {
  return {
    forks: 0,
    forks_count: 0,
    stargazers_count: 0,
    watchers: 0,
    watchers_count: 0,
    size: 0,
    open_issues: openIssues,
    open_issues_count: openIssues,
    subscribers_count: 0,
    network_count: 0,
  };
}

function featuresView({ settings }: RepositoryRecord) {
  return {
    is_template: false,
    archived: settings.archived,
    disabled: false,
    has_issues: settings.hasIssues,
    has_projects: false,
    has_wiki: false,
    has_pages: false,
    has_downloads: false,
    has_discussions: false,
    allow_squash_merge: settings.mergeMethods.includes("squash"),
    allow_merge_commit: settings.mergeMethods.includes("merge"),
    allow_rebase_merge: settings.mergeMethods.includes("rebase"),
    allow_auto_merge: false,
    delete_branch_on_merge: settings.deleteBranchOnMerge,
    web_commit_signoff_required: false,
  };
}

function permissionsView(repository: RepositoryRecord, login: string) {
  const has = permissionOf(repository, login);
  return {
    admin: allows(has, "admin"),
    maintain: allows(has, "maintain"),
    push: allows(has, "write"),
    triage: allows(has, "triage"),
    pull: allows(has, "read"),
  };
}
