// The one implementation behind both doors. Operations on one repository run one after another, those on different
// repositories side by side; what an operator asked for is on disk before it is done, and answered when it is done.

import type { Clock } from "../core/base/clock.ts";
import type { Log } from "../core/logs/log.ts";
import type { SupervisorPaths } from "../core/files/paths.ts";
import { fail, ok } from "../core/base/result.ts";
import type {
  AddReply,
  AddRequest,
  ControlFailure,
  ControlResult,
  Ping,
  RepoEntry,
  SupervisorControl,
} from "../core/messages/supervisor-control.ts";
import { VERSION } from "../core/base/version.ts";
import { selectRecord, type RecordSelector } from "./registry/select-record.ts";
import { busyReason } from "./repos/busy-reason.ts";
import { KeyedQueue } from "./repos/keyed-queue.ts";
import { raceAbort } from "./repos/race-abort.ts";
import { type Quarantine, quarantineRecord } from "./repos/quarantine.ts";
import { amend, type Candidate, findRecord, register, type Registered, unregister } from "./registry/registration.ts";
import { NOT_FOUND, SHUTTING_DOWN } from "./registry/refusal.ts";
import type { RegistryDocument, RepoRecord } from "./registry/registry-document.ts";
import type { Registry } from "./registry/registry.ts";
import { repoEntry } from "./repos/repo-entry.ts";
import { hasFailed, type RepoProcess } from "./repos/repo-process.ts";
import type { RepoOwner, RepoSupervisor } from "./repos/repo-supervisor.ts";

export interface SupervisorOptions {
  readonly registry: Registry;
  readonly paths: SupervisorPaths;
  readonly clock: Clock;
  readonly log: Log;
  readonly bootId: string;
  readonly resolveRepository: (request: AddRequest, signal: AbortSignal) => Promise<ControlResult<Candidate>>;
  readonly httpPort: () => number;
  readonly supervise: (record: RepoRecord, owner: RepoOwner) => RepoSupervisor;
}

export class Supervisor implements SupervisorControl, AsyncDisposable {
  readonly #options: SupervisorOptions;
  readonly #startedMs: number;
  readonly #repos = new Map<string, RepoSupervisor>();
  readonly #queue = new KeyedQueue();
  readonly #owner: RepoOwner;
  #isStopping = false;
  #cached: { readonly document: RegistryDocument; readonly rows: readonly RepoEntry[] } | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonicMs();
    this.#owner = {
      rowChanged: () => {
        this.#cached = undefined;
      },
      saveQuarantine: (slug, quarantine) => this.#saveQuarantine(slug, quarantine),
    };
    for (const record of options.registry.document.repos) this.#repoOf(record);
  }

  /** Starts the repositories that ran before. */
  restore(): void {
    for (const record of this.#options.registry.document.repos) {
      if (record.desired === "running" && record.quarantine === null) this.#repoOf(record).command("start", false);
    }
  }

  get repos(): ReadonlyMap<string, RepoSupervisor> {
    return this.#repos;
  }

  ping(): Ping {
    const uptimeMs = this.#options.clock.monotonicMs() - this.#startedMs;
    return { version: VERSION, boot_id: this.#options.bootId, uptime_s: Math.floor(uptimeMs / 1_000) };
  }

  list(): readonly RepoEntry[] {
    const { document } = this.#options.registry;
    if (this.#cached?.document !== document) {
      this.#cached = { document, rows: document.repos.map((record) => this.#entry(record)) };
    }
    return this.#cached.rows;
  }

  status(slug: string): ControlResult<RepoEntry> {
    const record = this.#find(slug);
    return record === undefined ? fail(NOT_FOUND) : ok(this.#entry(record));
  }

  workerAddress(slug: string): ControlResult<{ port: number; token: string }> {
    const repo = this.#repos.get(slug);
    if (repo === undefined) return fail(NOT_FOUND);
    if (repo.state.id !== "running")
      return fail({ code: "worker_unavailable", message: `the worker of '${slug}' is ${repo.state.id}` });
    return ok({ port: repo.worker.port, token: repo.worker.token });
  }

  async add(request: AddRequest, signal: AbortSignal): Promise<ControlResult<AddReply>> {
    const registered = await this.#register(request, "running", signal);
    if (!registered.ok) return registered;
    const { record, isNew } = registered.value;
    if (this.#repoOf(record).state.id === "running") return ok(this.#addReply(record, false));
    const up = this.#bringUp(record.slug, "start").then(async (result) => {
      if (result.ok) return ok(this.#addReply(record, true));
      // The repository was removed between its registration and its start.
      if (result.failure.code === "not_found") return this.add(request, signal);
      return isNew ? this.#withdraw(record, result.failure) : result;
    });
    return raceAbort(up, signal);
  }

  async register(request: AddRequest, signal: AbortSignal): Promise<ControlResult<{ slug: string; path: string }>> {
    const registered = await this.#register(request, "stopped", signal);
    if (!registered.ok) return registered;
    const { record } = registered.value;
    this.#repoOf(record);
    return ok({ slug: record.slug, path: record.path });
  }

  async remove(
    target: RecordSelector & { readonly force?: boolean | undefined },
    signal: AbortSignal,
  ): Promise<ControlResult<{ slug: string }>> {
    if (target.slug === undefined && target.path === undefined)
      return fail({ code: "bad_request", message: "Missing path or slug" });
    const record = await selectRecord(this.#options.registry.document, target);
    if (record === undefined) return fail(NOT_FOUND);
    return raceAbort(
      this.#queue.run(record.slug, () => this.#removeNow(record, target.force === true)),
      signal,
    );
  }

  start(slug: string, signal: AbortSignal): Promise<ControlResult<RepoEntry>> {
    return raceAbort(this.#bringUp(slug, "start"), signal);
  }

  restart(slug: string, signal: AbortSignal): Promise<ControlResult<RepoEntry>> {
    return raceAbort(this.#bringUp(slug, "restart"), signal);
  }

  async roll(text: string, signal: AbortSignal): Promise<ControlResult<RepoEntry>> {
    const slug = this.#find(text)?.slug ?? text;
    const repo = this.#repos.get(slug);
    // A worker on its way up may have been given older settings.
    if (repo?.state.id === "starting") await raceAbort(repo.settled().then(ok), signal);
    if (repo?.state.id !== "running") return this.status(slug);
    const { generation } = repo.state;
    await repo.drain(signal);
    if (signal.aborted) {
      repo.reopen();
      return fail(SHUTTING_DOWN);
    }
    const isSame = ({ state }: RepoSupervisor): boolean => state.id === "running" && state.generation === generation;
    const rolled = await raceAbort(this.#bringUp(slug, "restart", isSame), signal);
    if (!rolled.ok && isSame(repo)) repo.reopen();
    // An operator who stopped it meanwhile has the last word.
    return !rolled.ok && this.#repos.get(slug)?.state.id === "stopped" ? this.status(slug) : rolled;
  }

  async stop(slug: string, signal: AbortSignal): Promise<ControlResult<RepoEntry>> {
    const moved = await this.#command(slug, "stop");
    if (!moved.ok) return moved;
    return raceAbort(
      moved.value.settled.then(() => this.status(moved.value.slug)),
      signal,
    );
  }

  /** Stops every worker at once; what is to run after the next start stays as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    const repos = [...this.#repos.values()];
    for (const repo of repos) repo.command("stop", false);
    await Promise.all(repos.map((repo) => repo.settled()));
  }

  async #register(
    request: AddRequest,
    desired: RepoRecord["desired"],
    signal: AbortSignal,
  ): Promise<ControlResult<Registered>> {
    const { resolveRepository, registry, paths, clock } = this.#options;
    const target = await resolveRepository(request, signal);
    if (!target.ok) return target;
    if (this.#isStopping) return fail(SHUTTING_DOWN);
    const options = { paths, desired, now: clock.now().toISOString() };
    return registry.change((document) => register(document, target.value, options));
  }

  /** The latch is on disk before the worker hears the command; the wait for the outcome does not hold up a later
   * command. */
  #command(
    text: string,
    type: "start" | "stop" | "restart",
    isWanted: (repo: RepoSupervisor) => boolean = () => true,
  ): Promise<ControlResult<{ slug: string; settled: Promise<RepoProcess> }>> {
    const slug = this.#find(text)?.slug ?? text;
    return this.#queue.run(slug, async () => {
      const repo = this.#repos.get(slug);
      if (repo === undefined) return fail(NOT_FOUND);
      if (this.#isStopping) return fail(SHUTTING_DOWN);
      if (!isWanted(repo)) return ok({ slug, settled: repo.settled() });
      const desired = type === "stop" ? "stopped" : "running";
      const saved = await this.#options.registry.change((document) =>
        amend(document, slug, { desired, quarantine: null }),
      );
      if (!saved.ok) return saved;
      if (this.#isStopping) return fail(SHUTTING_DOWN);
      repo.command(type, true);
      return ok({ slug, settled: repo.settled() });
    });
  }

  async #bringUp(
    text: string,
    type: "start" | "restart",
    isWanted?: (repo: RepoSupervisor) => boolean,
  ): Promise<ControlResult<RepoEntry>> {
    const moved = await this.#command(text, type, isWanted);
    if (!moved.ok) return moved;
    const state = await moved.value.settled;
    if (state.id === "running") return this.status(moved.value.slug);
    if (this.#isStopping) return fail(SHUTTING_DOWN);
    const { slug } = moved.value;
    if (state.id === "stopped")
      return fail({ code: "worker_failed", message: `'${slug}' was stopped while it started` });
    const reason = this.#repos.get(slug)?.life.lastExit?.reason ?? state.id;
    return fail({ code: "worker_failed", message: `the worker of '${slug}' did not start: ${reason}` });
  }

  /** A failed add leaves no registration, unless someone has brought the worker up or stopped it meanwhile. */
  #withdraw(record: RepoRecord, failure: ControlFailure): Promise<ControlResult<never>> {
    return this.#queue.run(record.slug, async () => {
      const state = this.#repos.get(record.slug)?.state;
      if (this.#isStopping || state === undefined || !hasFailed(state)) return fail(failure);
      const removed = await this.#removeNow(record, true);
      const outcome = removed.ok ? "the repository was not registered" : "it stays registered";
      return fail({ code: failure.code, message: `${failure.message}; ${outcome}` });
    });
  }

  async #removeNow(record: RepoRecord, force: boolean): Promise<ControlResult<{ slug: string }>> {
    const { slug } = record;
    const repo = this.#repos.get(slug);
    if (repo === undefined) return fail(NOT_FOUND);
    if (this.#isStopping) return fail(SHUTTING_DOWN);
    const busy = force ? null : busyReason(slug, await repo.hold());
    if (busy !== null) {
      repo.reopen();
      return fail({ code: "busy", message: `${busy}; stop it first, or remove it with force` });
    }
    const wasUp = repo.state.id !== "stopped" && repo.state.id !== "quarantined";
    repo.command("stop", true);
    await repo.settled();
    const removed = await this.#options.registry.change((document) => unregister(document, slug));
    if (!removed.ok) {
      repo.reopen();
      if (wasUp && !this.#isStopping) repo.command("start", true);
      return removed;
    }
    this.#repos.delete(slug);
    this.#options.log.write("info", "repo.removed", { repo: slug });
    return ok({ slug });
  }

  async #saveQuarantine(slug: string, quarantine: Quarantine | null): Promise<boolean> {
    const { registry, clock } = this.#options;
    const saved = quarantineRecord(quarantine, clock.now());
    // The registry logs a write that fails.
    return (await registry.change((document) => amend(document, slug, { quarantine: saved }))).ok;
  }

  #repoOf(record: RepoRecord): RepoSupervisor {
    const present = this.#repos.get(record.slug);
    if (present !== undefined) return present;
    const repo = this.#options.supervise(record, this.#owner);
    this.#repos.set(record.slug, repo);
    return repo;
  }

  #entry(record: RepoRecord): RepoEntry {
    const { paths, httpPort } = this.#options;
    return repoEntry(record, this.#repoOf(record).life, { home: paths.home, httpPort: httpPort() });
  }

  #addReply(record: RepoRecord, started: boolean): AddReply {
    const { slug, port, dashboard_url, log_file } = this.#entry(record);
    return { slug, port, dashboard_url, log_file, started };
  }

  #find(text: string): RepoRecord | undefined {
    return findRecord(this.#options.registry.document, text);
  }
}
