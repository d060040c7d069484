// What the forge keeps of one repository: plain JSON, one file each. Git's own data is not here, apart from the refs as
// last seen: the difference to what is on disk is what a push did.

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
  /** Shell command of this repository's CI; null for none, absent for the forge's own. */
  ci?: string | null;
  /** Login in lower case → permission. */
  collaborators: Record<string, Permission>;
  /** Count of ids given out; see `nextId`. */
  ids: number;
  labels: LabelRecord[];
  /** Issues and pull requests; number n stands at index n - 1. */
  issues: IssueRecord[];
  checks: CheckRecord[];
  statuses: StatusRecord[];
  webhooks: WebhookRecord[];
  /** Full ref name → commit. */
  refs: Record<string, string>;
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
}

export interface ReviewRecord {
  readonly id: number;
  readonly author: string;
  readonly body: string;
  readonly state: "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED";
  readonly commitSha: string;
  readonly submittedAt: string;
}

export type CheckStatus = "queued" | "in_progress" | "completed";
export type CheckConclusion =
  | "success"
  | "failure"
  | "neutral"
  | "cancelled"
  | "skipped"
  | "timed_out"
  | "action_required";

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
  /** Made by the forge's own CI, which takes unfinished runs up again after a restart. */
  readonly isOwn: boolean;
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

/** GitHub's limit for the text of an issue, a pull request or a comment. */
export const BODY_LENGTH_MAX = 65_536;

const IDS_PER_REPOSITORY = 10_000_000;

/** Unique over all repositories of the forge, so that a comment's id alone names it. */
export function nextId(repository: RepositoryRecord): number {
  repository.ids += 1;
  return repository.id * IDS_PER_REPOSITORY + repository.ids;
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
