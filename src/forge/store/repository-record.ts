// The forge keeps this of one repository, as plain JSON in one file each. Git's own data is not here, apart from the
// refs as last seen: the difference to what is on disk is what a push did.

import {
  DEFAULT_SETTINGS,
  type ProtectionRecord,
  type RepositorySettings,
  type RulesetRecord,
} from "./repository-settings.ts";

export type Permission = "admin" | "maintain" | "write" | "triage" | "read" | "none";

export interface RepositoryRecord {
  readonly id: number;
  owner: string;
  name: string;
  private: boolean;
  defaultBranch: string;
  createdAt: string;
  updatedAt: string;
  pushedAt: string;
  /** It is the shell command of this repository's CI; null means none, absent means the forge's own. */
  ci?: string | null;
  /** Maps each login in lower case to its permission. */
  collaborators: Record<string, Permission>;
  /** So many ids were given out; see `nextId`. */
  ids: number;
  labels: LabelRecord[];
  /** It holds issues and pull requests; number n stands at index n - 1. */
  issues: IssueRecord[];
  checks: CheckRecord[];
  statuses: StatusRecord[];
  webhooks: WebhookRecord[];
  /** Maps each full ref name to its commit. */
  refs: Record<string, string>;
  settings: RepositorySettings;
  /** Maps each branch to its classic protection. */
  protections: Record<string, ProtectionRecord>;
  rulesets: RulesetRecord[];
  suites: SuiteRecord[];
  /** These names still lead here: `owner/name` in lower case. */
  formerNames: string[];
}

export interface LabelRecord {
  readonly id: number;
  name: string;
  color: string;
  description: string | null;
}

export interface IssueRecord {
  readonly id: number;
  readonly number: number;
  title: string;
  body: string | null;
  state: "open" | "closed";
  stateReason: "completed" | "not_planned" | "reopened" | "duplicate" | null;
  author: string;
  labelIds: number[];
  assignees: string[];
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
  closedBy: string | null;
  comments: CommentRecord[];
  pull: PullRecord | null;
  /** It is absent until the first lock, and null after an unlock. */
  lockReason?: LockReason | null;
  events: EventRecord[];
  /** Versions of the body that were replaced stand here, oldest first. */
  bodyEdits: BodyEditRecord[];
  /** The issue is there now, and its number here leads there. */
  transferredTo?: { readonly repositoryId: number; readonly number: number };
  isDeleted?: boolean;
}

export type LockReason = "off-topic" | "too heated" | "resolved" | "spam" | "";

/** An event is one line of the issue's history, as GitHub's issue events have it. */
export interface EventRecord {
  readonly id: number;
  readonly event:
    | "labeled"
    | "unlabeled"
    | "renamed"
    | "locked"
    | "unlocked"
    | "closed"
    | "reopened"
    | "transferred"
    | "added_to_merge_queue"
    | "removed_from_merge_queue"
    | "merged";
  readonly actor: string;
  readonly createdAt: string;
  readonly label?: { readonly name: string; readonly color: string };
  readonly rename?: { readonly from: string; readonly to: string };
  readonly commitSha?: string;
}

export interface BodyEditRecord {
  readonly editor: string;
  readonly editedAt: string;
  /** The issue had this body from then on. */
  readonly body: string;
}

export interface CommentRecord {
  readonly id: number;
  readonly author: string;
  body: string;
  readonly createdAt: string;
  updatedAt: string;
}

export interface PullRecord {
  headBranch: string;
  headSha: string;
  baseBranch: string;
  baseSha: string;
  draft: boolean;
  mergedAt: string | null;
  mergedBy: string | null;
  mergeSha: string | null;
  reviews: ReviewRecord[];
  /** Nobody has resolved so many review conversations. */
  openThreads?: number;
  /** The pull request entered the merge queue at this time, with this head. */
  queued?: { readonly at: string; readonly headSha: string; readonly actor: string } | null;
}

export interface ReviewRecord {
  readonly id: number;
  readonly author: string;
  readonly body: string;
  state: "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED" | "DISMISSED";
  readonly commitSha: string;
  readonly submittedAt: string;
}

export const CHECK_STATUSES = ["queued", "in_progress", "completed", "waiting", "requested", "pending"] as const;
export const CHECK_CONCLUSIONS = [
  "success",
  "failure",
  "neutral",
  "cancelled",
  "skipped",
  "timed_out",
  "action_required",
  "stale",
  "startup_failure",
] as const;
export type CheckStatus = (typeof CHECK_STATUSES)[number];
export type CheckConclusion = (typeof CHECK_CONCLUSIONS)[number];

/** A suite is what one app makes of one commit; its state follows from its runs. */
export interface SuiteRecord {
  readonly id: number;
  readonly app: string;
  readonly headSha: string;
  readonly headBranch: string | null;
  readonly createdAt: string;
  /** This set the forge's own CI off; it is null for a suite of another app, which has no workflow run. */
  readonly workflow: "push" | "pull_request" | null;
  /** A suite ended so without a run, as a workflow whose file cannot be read; it is absent while it has not. */
  end?: CheckConclusion;
}

export interface CheckRecord {
  readonly id: number;
  readonly name: string;
  readonly headSha: string;
  status: CheckStatus;
  conclusion: CheckConclusion | null;
  startedAt: string;
  completedAt: string | null;
  title: string | null;
  summary: string | null;
  text: string | null;
  /** It is true for a check of the forge's own CI, which takes unfinished runs up again after a restart. */
  readonly isOwn: boolean;
  readonly suiteId: number;
}

export interface StatusRecord {
  readonly id: number;
  readonly sha: string;
  readonly context: string;
  readonly state: "error" | "failure" | "pending" | "success";
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly creator: string;
  readonly createdAt: string;
}

export interface WebhookRecord {
  readonly id: number;
  readonly url: string;
  readonly secret: string;
  readonly events: readonly string[];
  readonly createdAt: string;
}

export type PullIssue = IssueRecord & { pull: PullRecord };

/** GitHub limits the text of an issue, a pull request or a comment to this. */
export const BODY_LENGTH_MAX = 65_536;

const IDS_PER_REPOSITORY = 10_000_000;

/** An id is unique over all repositories of the forge, so that a comment's id alone names it. */
export function nextId(repository: RepositoryRecord): number {
  repository.ids += 1;
  return repository.id * IDS_PER_REPOSITORY + repository.ids;
}

/** A record that an older forge wrote lacks what came later. */
export function completeRecord(record: RepositoryRecord): RepositoryRecord {
  record.settings = { ...DEFAULT_SETTINGS, ...record.settings };
  record.protections ??= {};
  record.rulesets ??= [];
  record.suites ??= [];
  record.formerNames ??= [];
  for (const issue of record.issues) {
    issue.events ??= [];
    issue.bodyEdits ??= [];
  }
  return record;
}

export function isPull(issue: IssueRecord): issue is PullIssue {
  return issue.pull !== null;
}

export function fullName(repository: RepositoryRecord): string {
  return `${repository.owner}/${repository.name}`;
}

/** GitHub's times have a resolution of one second. */
export function isoSeconds(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, "Z");
}
