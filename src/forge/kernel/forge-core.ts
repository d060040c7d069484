// Every part of the forge works with the core, and makes a write known in one way only: ledger and webhook together.

import type { Clock } from "../../core/base/clock.ts";
import type { AppRegistry } from "../store/app-registry.ts";
import type { ForgeLog } from "./forge-log.ts";
import type { Cause, Ledger } from "../store/ledger.ts";
import { fullName, isoSeconds, type PullIssue, type SuiteRecord } from "../store/repository-record.ts";
import type { RepositoryStore, StoredRepository } from "../store/repository-store.ts";
import type { TokenRegistry } from "../store/token-registry.ts";
import type { PullFacts } from "../views/pull-view.ts";
import { repositoryView } from "../views/repository-view.ts";
import { userView } from "../views/user-view.ts";
import type { WebhookSender } from "./webhook-sender.ts";

/** The core asks this for a repository's checks. */
interface Checks {
  start(write: Write, sha: string, workflow: "push" | "pull_request"): void;
  rerun(write: Write, suite: SuiteRecord): void;
  cancel(write: Write, suite: SuiteRecord): void;
  idle(): Promise<void>;
}

/** The core asks this to merge what was queued. */
interface Queue {
  notify(repository: StoredRepository): void;
  idle(): Promise<void>;
}

/** The core asks this what git says of a pull request. */
interface PullFactsSource {
  read(repository: StoredRepository, issue: PullIssue, signal: AbortSignal): Promise<PullFacts>;
}

export interface ForgeCore {
  readonly clock: Clock;
  readonly store: RepositoryStore;
  readonly tokens: TokenRegistry;
  readonly apps: AppRegistry;
  readonly ledger: Ledger;
  readonly webhooks: WebhookSender;
  readonly ci: Checks;
  readonly queue: Queue;
  readonly pullFacts: PullFactsSource;
  readonly log: ForgeLog;
  /** It is `http://127.0.0.1:PORT`, known once the forge listens. */
  origin: string;
  /** It aborts when the forge closes. */
  readonly signal: AbortSignal;
}

/** A write in the making says where it happens, and on whose behalf. */
export interface Write {
  readonly core: ForgeCore;
  readonly repository: StoredRepository;
  readonly cause: Cause;
}

export interface WriteEffect {
  readonly kind: string;
  readonly number?: number;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** GitHub sends this event for the effect, if it has one. */
  readonly event?: { readonly name: string; readonly payload: () => Readonly<Record<string, unknown>> };
}

export function isoNow(core: ForgeCore): string {
  return isoSeconds(core.clock.now());
}

/** The record must already show the effect. Whoever answers the request saves first; see `saveAll`. */
export function emit({ core, repository, cause }: Write, effect: WriteEffect): void {
  const { record } = repository;
  record.updatedAt = isoNow(core);
  core.ledger.record({
    at: core.clock.now().toISOString(),
    actor: cause.actor,
    method: cause.method,
    path: cause.path,
    repo: fullName(record),
    kind: effect.kind,
    ...(effect.number === undefined ? {} : { number: effect.number }),
    detail: effect.detail ?? {},
  });
  if (effect.event === undefined || record.webhooks.length === 0) return;
  const payload = {
    ...effect.event.payload(),
    repository: repositoryView(core.origin, record, cause.actor),
    sender: userView(core.origin, cause.actor),
  };
  core.webhooks.send(record.webhooks, effect.event.name, payload);
}

/** Everything that was made known is on disk when this resolves. */
export async function saveAll(core: ForgeCore, repository: StoredRepository): Promise<void> {
  await Promise.all([repository.file.save(), core.ledger.save()]);
}
