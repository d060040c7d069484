// The embedded forge is a GitHub-compatible server on loopback with real git behind it, for the demo and the tests.
// This file owns its life, and the methods for the process it lives in; other processes use GitHub's API or `/_forge`.

import { dirname, join, resolve } from "node:path";

import { newToken } from "../core/http/bearer-token.ts";
import { type Clock, systemClock } from "../core/base/clock.ts";
import { ensurePrivateDirectory } from "../core/files/durable-file.ts";
import { HydraError } from "../core/base/errors.ts";
import { AppRegistry } from "./store/app-registry.ts";
import { suiteFor } from "./checks/check-suites.ts";
import { type CheckInput, createCheck } from "./checks/check-writes.ts";
import { CI_ACTOR, CiRunner } from "./checks/ci-runner.ts";
import { ControlDoor } from "./doors/control-door.ts";
import { FaultPlan } from "./doors/fault-plan.ts";
import { type ForgeCore, isoNow, saveAll, type Write } from "./kernel/forge-core.ts";
import type { ForgeLog } from "./kernel/forge-log.ts";
import { ForgeOwner } from "./repositories/forge-owner.ts";
import { ForgeReader } from "./repositories/forge-reader.ts";
import { gitEnvironment } from "./git/git-process.ts";
import { GitDoor } from "./doors/git-door.ts";
import { HttpServer, type RequestCounts } from "./doors/http-server.ts";
import { addComment, createIssue, editIssue, type IssueEdit, type IssueInput } from "./issues/issue-writes.ts";
import { Ledger, type LedgerEntry } from "./store/ledger.ts";
import { MergeQueue } from "./pulls/merge-queue.ts";
import { PageDoor } from "./doors/page-door.ts";
import { PullFactsReader } from "./pulls/pull-facts.ts";
import { addReview } from "./pulls/pull-writes.ts";
import { GITHUB_RATE_LIMIT, RateLimiter, type RateLimitSettings } from "./api/rate-limiter.ts";
import { followRefs } from "./pulls/ref-writes.ts";
import {
  type CheckConclusion,
  fullName,
  isPull,
  nextId,
  type Permission,
  type ReviewRecord,
} from "./store/repository-record.ts";
import { RepositoryStore } from "./store/repository-store.ts";
import {
  type CommitInput,
  commitFiles,
  createRepository,
  localCause,
  type RepositoryInput,
} from "./repositories/repository-writes.ts";
import { type Exchange, RestDoor } from "./doors/rest-door.ts";
import { restRouter } from "./doors/rest-routes.ts";
import { type TokenInput, TokenRegistry } from "./store/token-registry.ts";
import { isLoopbackUrl, WebhookSender } from "./kernel/webhook-sender.ts";

const DEFAULT_LOGIN = "hydraflow-bot";
/** The running Node's own directory comes before these. */
const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";

export interface ForgeOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly dataDir: string;
  /** The default token has this login; login and token are made and kept when absent. */
  readonly login?: string | undefined;
  readonly token?: string | undefined;
  /** It serves repositories without a command of their own. */
  readonly ci?: { readonly command: string } | null | undefined;
  readonly rateLimit?: RateLimitSettings | undefined;
  /** git and CI find programs on this search path. */
  readonly path?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: ForgeLog | undefined;
  /** Sees every REST request with its answer. */
  readonly observe?: ((exchange: Exchange) => void) | undefined;
}

/** Throws FORGE_PORT when the port is taken. Aborting the signal stops what is under way; dispose the forge as well. */
export async function startForge(options: ForgeOptions, signal?: AbortSignal): Promise<Forge> {
  await using stack = new AsyncDisposableStack();
  const clock = options.clock ?? systemClock;
  const log = options.log ?? (() => undefined);
  const dataDir = resolve(options.dataDir);
  await ensurePrivateDirectory(dataDir);
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  const lifetime = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const path = options.path ?? `${dirname(process.execPath)}:${SYSTEM_PATH}`;
  const queue = new MergeQueue();
  const ledger = stack.use(await Ledger.open(join(dataDir, "ledger.jsonl")));
  const webhooks = new WebhookSender(log, lifetime);
  const ci = new CiRunner({ command: options.ci?.command ?? null, path }, log, lifetime);
  stack.defer(async () => {
    stop.abort();
    await Promise.all([ci.idle(), queue.idle(), webhooks.idle()]);
  });
  const tokens = await TokenRegistry.open(join(dataDir, "forge.json"), clock);
  const apps = await AppRegistry.open(join(dataDir, "apps.json"), clock);
  const store = await RepositoryStore.open(dataDir, gitEnvironment(path, dataDir));
  const limiter = new RateLimiter(options.rateLimit ?? GITHUB_RATE_LIMIT, clock);
  const faults = new FaultPlan();
  const server = stack.use(new HttpServer({ faults, limiter, tokens, clock, log }));
  const port = await server.listen(options.port);
  const core: ForgeCore = {
    clock,
    store,
    tokens,
    apps,
    ledger,
    webhooks,
    ci,
    queue,
    log,
    pullFacts: new PullFactsReader(),
    origin: `http://127.0.0.1:${port}`,
    signal: lifetime,
  };
  queue.open(core);
  const login = options.login ?? DEFAULT_LOGIN;
  const token = options.token ?? tokens.tokenOf(login) ?? newToken();
  await tokens.add({ token, login });
  const resources = new AsyncDisposableStack();
  const forge = new Forge({ core, server, faults, limiter, port, login, token, resources });
  const rest = new RestDoor(core, restRouter(core, limiter), limiter, options.observe);
  await forge.refreshRefs();
  for (const repository of store.all()) {
    ci.resume({ core, repository, cause: localCause(CI_ACTOR) });
    queue.notify(repository);
  }
  server.open({ rest, git: new GitDoor(core), pages: new PageDoor(core), control: new ControlDoor(forge) });
  resources.use(stack.move());
  return forge;
}

interface ForgeParts {
  readonly core: ForgeCore;
  readonly server: HttpServer;
  readonly faults: FaultPlan;
  readonly limiter: RateLimiter;
  readonly port: number;
  readonly login: string;
  readonly token: string;
  readonly resources: AsyncDisposableStack;
}

/**
 * Repositories are named `owner/name`. Methods that write resolve when it is on disk, and stand in the ledger as LOCAL.
 */
export class Forge extends ForgeReader implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** The default token belongs to this login. */
  readonly token: string;
  readonly login: string;
  readonly controlToken: string;
  readonly faults: FaultPlan;
  /** It does what an owner does on GitHub's settings pages. */
  readonly owner: ForgeOwner;
  readonly #parts: ForgeParts;
  readonly #core: ForgeCore;

  constructor(parts: ForgeParts) {
    super(parts.core.store);
    this.#parts = parts;
    this.#core = parts.core;
    this.url = parts.core.origin;
    this.port = parts.port;
    this.token = parts.token;
    this.login = parts.login;
    this.controlToken = parts.core.tokens.controlToken;
    this.faults = parts.faults;
    this.owner = new ForgeOwner(parts.core);
  }

  get ledger(): readonly LedgerEntry[] {
    return this.#core.ledger.entries();
  }

  get requests(): Readonly<RequestCounts> {
    return { ...this.#parts.server.counts };
  }

  /** The token is a classic one, unless `more` says otherwise. */
  async addToken(token: string, login: string, more: Omit<TokenInput, "token" | "login"> = {}): Promise<void> {
    await this.#core.tokens.add({ token, login, ...more });
  }

  async revokeToken(token: string): Promise<void> {
    await this.#core.tokens.revoke(token);
  }

  /** The default login may write, unless `collaborators` says otherwise. Gives the clone URL. */
  async createRepository(input: RepositoryInput): Promise<{ fullName: string; cloneUrl: string }> {
    const collaborators = { [this.login]: "write" as const, ...input.collaborators };
    const { record } = await createRepository(this.#core, { ...input, collaborators });
    return { fullName: fullName(record), cloneUrl: `${this.url}/${fullName(record)}.git` };
  }

  /** Adds one commit to a branch, as a push by the owner would. Gives its SHA. */
  async commitFiles(repo: string, commit: CommitInput): Promise<string> {
    return await commitFiles(this.#core, this.repositoryNamed(repo), commit);
  }

  /** Follows what git did to the bare repository directly; pushes over HTTP are followed by themselves. */
  async refreshRefs(): Promise<void> {
    for (const repository of this.#core.store.all()) {
      const write = { core: this.#core, repository, cause: localCause(repository.record.owner) };
      await followRefs(write, this.#core.signal);
      await saveAll(this.#core, repository);
    }
  }

  async addCollaborator(repo: string, login: string, permission: Permission): Promise<void> {
    const repository = this.repositoryNamed(repo);
    repository.record.collaborators[login.toLowerCase()] = permission;
    await repository.file.save();
  }

  /** Gives its number. */
  async createIssue(repo: string, { author, ...input }: IssueInput & { author?: string | undefined }): Promise<number> {
    return await this.#write(repo, author, (write) => createIssue(write, input).number);
  }

  async editIssue(repo: string, number: number, edit: IssueEdit & { author?: string | undefined }): Promise<void> {
    await this.#write(repo, edit.author, (write) => editIssue(write, this.issueRecord(repo, number), edit));
  }

  /** Gives its id. */
  async addComment(repo: string, number: number, author: string, body: string): Promise<number> {
    return await this.#write(repo, author, (write) => addComment(write, this.issueRecord(repo, number), body).id);
  }

  /** Gives its id. Throws FORGE_INPUT where GitHub refuses it: nobody approves what they opened. */
  async addReview(
    repo: string,
    number: number,
    review: { author: string; state: ReviewRecord["state"]; body?: string | undefined },
  ): Promise<number> {
    return await this.#write(repo, review.author, (write) => {
      const issue = this.issueRecord(repo, number);
      const added = isPull(issue) ? addReview(write, issue, { ...review, body: review.body ?? "" }) : undefined;
      if (added?.ok !== true) throw new HydraError("FORGE_INPUT", `${repo}#${number} takes no such review`);
      return added.value.id;
    });
  }

  /** Opens a check suite of this app with no run in it; with `end` it is a workflow that is over at once. */
  async openSuite(repo: string, sha: string, app: string, end?: CheckConclusion): Promise<void> {
    await this.#write(repo, undefined, (write) => {
      if (end === undefined) return suiteFor(write, { headSha: sha, app });
      return Object.assign(suiteFor(write, { headSha: sha, app, workflow: "push" }), { end });
    });
  }

  async setCheck(repo: string, sha: string, check: CheckInput): Promise<void> {
    await this.#write(repo, undefined, (write) => createCheck(write, sha, check, false));
  }

  /** The forge sends all events where `events` is absent. */
  async addWebhook(repo: string, url: string, secret: string, events: readonly string[] = ["*"]): Promise<void> {
    if (!isLoopbackUrl(url)) throw new HydraError("FORGE_INPUT", "webhooks go to loopback addresses only");
    const repository = this.repositoryNamed(repo);
    const { record } = repository;
    record.webhooks.push({ id: nextId(record), url, secret, events, createdAt: isoNow(this.#core) });
    await repository.file.save();
  }

  setRateLimit(settings: RateLimitSettings): void {
    this.#parts.limiter.change(settings);
  }

  /** The login has nothing left until `windowMs` from now. */
  exhaustRateLimit(login: string, windowMs: number): void {
    this.#parts.limiter.exhaust(login, windowMs);
  }

  /** Gives everything at once, for other processes. */
  state(): Record<string, unknown> {
    const { url, login, requests } = this;
    return { url, login, requests, pendingFaults: this.faults.pending, repositories: this.repositories() };
  }

  /** Resolves when no CI runs and no webhook is under way. */
  async idle(): Promise<void> {
    await this.#core.ci.idle();
    await this.#core.queue.idle();
    await this.#core.webhooks.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.resources.disposeAsync();
  }

  async #write<T>(repo: string, author: string | undefined, change: (write: Write) => T): Promise<T> {
    const repository = this.repositoryNamed(repo);
    const changed = change({ core: this.#core, repository, cause: localCause(author ?? repository.record.owner) });
    await saveAll(this.#core, repository);
    return changed;
  }
}
