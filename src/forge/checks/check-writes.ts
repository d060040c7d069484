// CI says what it makes of a commit in check runs and commit statuses, which are written here.

import { suiteFor } from "./check-suites.ts";
import { emit, isoNow, type Write } from "../kernel/forge-core.ts";
import {
  type CheckConclusion,
  type CheckRecord,
  type CheckStatus,
  nextId,
  type StatusRecord,
} from "../store/repository-record.ts";
import { checkView } from "./check-view.ts";

export interface CheckInput {
  readonly name: string;
  readonly status?: CheckStatus | undefined;
  readonly conclusion?: CheckConclusion | undefined;
  readonly title?: string | undefined;
  readonly summary?: string | undefined;
  readonly text?: string | undefined;
  /** This is the slug of the app that reports; by default it is whoever writes. */
  readonly app?: string | undefined;
  /** This is the suite of an earlier try; by default it is the app's own for this commit. */
  readonly suiteId?: number | undefined;
}

export type CheckEdit = Omit<CheckInput, "name" | "app" | "suiteId">;

/** GitHub limits both texts of a check's output to this. */
export const CHECK_TEXT_LENGTH_MAX = 65_535;

export function createCheck(write: Write, headSha: string, input: CheckInput, isOwn: boolean): CheckRecord {
  const check: CheckRecord = {
    id: nextId(write.repository.record),
    name: input.name,
    headSha,
    status: "queued",
    conclusion: null,
    startedAt: isoNow(write.core),
    completedAt: null,
    title: null,
    summary: null,
    text: null,
    isOwn,
    suiteId: input.suiteId ?? suiteFor(write, { headSha, app: input.app ?? appOf(write.cause.actor) }).id,
  };
  write.repository.record.checks.push(check);
  apply(write, check, input);
  emitCheck(write, check, "created");
  return check;
}

export function editCheck(write: Write, check: CheckRecord, edit: CheckEdit): void {
  apply(write, check, edit);
  emitCheck(write, check, "updated");
}

export function createStatus(
  write: Write,
  sha: string,
  input: Pick<StatusRecord, "state" | "context" | "description" | "targetUrl">,
): StatusRecord {
  const status = {
    ...input,
    id: nextId(write.repository.record),
    sha,
    creator: write.cause.actor,
    createdAt: isoNow(write.core),
  };
  write.repository.record.statuses.push(status);
  emit(write, { kind: "status.created", detail: { sha, context: status.context, state: status.state } });
  write.core.queue.notify(write.repository);
  return status;
}

/** GitHub lists the newest check of each name in each suite as the latest. */
export function latestInSuites(checks: readonly CheckRecord[], sha: string): CheckRecord[] {
  const keyed = checks
    .filter((check) => check.headSha === sha)
    .map((check) => [`${check.suiteId} ${check.name}`, check] as const);
  return [...new Map(keyed).values()];
}

/** Rules judge by the newest check of each name. */
export function latestChecks(checks: readonly CheckRecord[], sha: string): CheckRecord[] {
  return [...new Map(checks.filter((check) => check.headSha === sha).map((check) => [check.name, check])).values()];
}

/** Rules judge by the newest status of each context. */
export function latestStatuses(statuses: readonly StatusRecord[], sha: string): StatusRecord[] {
  return [
    ...new Map(statuses.filter((status) => status.sha === sha).map((status) => [status.context, status])).values(),
  ];
}

/** A conclusion completes the check, whatever status comes with it. */
function apply(write: Write, check: CheckRecord, edit: CheckEdit): void {
  check.status = edit.conclusion === undefined ? (edit.status ?? check.status) : "completed";
  check.conclusion = edit.conclusion ?? (check.status === "completed" ? check.conclusion : null);
  check.completedAt = check.status === "completed" ? isoNow(write.core) : null;
  check.title = edit.title ?? check.title;
  check.summary = edit.summary ?? check.summary;
  check.text = edit.text ?? check.text;
}

function emitCheck(write: Write, check: CheckRecord, change: "created" | "updated"): void {
  const { core, repository } = write;
  emit(write, {
    kind: `check.${change}`,
    detail: { sha: check.headSha, name: check.name, status: check.status, conclusion: check.conclusion },
    event: {
      name: "check_run",
      payload: () => ({
        action: check.status === "completed" ? "completed" : "created",
        check_run: checkView(core.origin, repository.record, check),
      }),
    },
  });
  core.queue.notify(repository);
}

function appOf(login: string): string {
  return login.replace(/\[bot\]$/, "");
}
