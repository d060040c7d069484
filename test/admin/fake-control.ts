// The daemon's side of the door, in memory: repositories, their state, and a record of what was asked.

import { fail, ok } from "../../src/core/base/result.ts";
import type {
  AddReply,
  AddRequest,
  ControlResult,
  RepoEntry,
  RepoState,
  SupervisorControl,
} from "../../src/core/messages/supervisor-control.ts";
import { repoEntry } from "../support/repo-entry.ts";

interface FakeWorker {
  readonly port: number;
  readonly token: string;
}

export class FakeControl implements SupervisorControl {
  readonly calls: unknown[] = [];
  readonly #workers = new Map<string, FakeWorker>();
  #entries: readonly RepoEntry[] = [];

  put(slug: string, state: RepoState, worker?: FakeWorker, notice: string | null = null): void {
    const entry = repoEntry({
      path: `/srv/${slug}`,
      slug,
      repo: slug.replace("-", "/"),
      port: worker?.port ?? 0,
      dashboard_url: "",
      log_file: "",
      running: state === "running",
      state,
      pid: null,
      notice,
    });
    this.#entries = [...this.#entries.filter((other) => other.slug !== slug), entry];
    if (worker === undefined) this.#workers.delete(slug);
    else this.#workers.set(slug, worker);
  }

  ping() {
    return { version: "1.2.3", boot_id: "boot", uptime_s: 7 };
  }

  list(): readonly RepoEntry[] {
    return this.#entries;
  }

  status(slug: string): ControlResult<RepoEntry> {
    const entry = this.#entries.find((other) => other.slug === slug);
    return entry === undefined ? fail({ code: "not_found", message: `no repository '${slug}'` }) : ok(entry);
  }

  async add(request: AddRequest): Promise<ControlResult<AddReply>> {
    this.calls.push({ add: request });
    if (request.path === "/throws") throw new Error("secret detail of the inside");
    if (request.path === "/nowhere") return fail({ code: "path_not_found", message: "there is no /nowhere" });
    const started = request.path !== "/running";
    return ok({ slug: "acme-new", port: 1, dashboard_url: "", log_file: "", started });
  }

  async register(request: AddRequest): Promise<ControlResult<{ slug: string; path: string }>> {
    this.calls.push({ register: request });
    return ok({ slug: "acme-new", path: request.path ?? "" });
  }

  async remove(target: { slug?: string; force?: boolean }): Promise<ControlResult<{ slug: string }>> {
    this.calls.push({ remove: target });
    return ok({ slug: target.slug ?? "" });
  }

  async start(slug: string): Promise<ControlResult<RepoEntry>> {
    this.calls.push({ start: slug });
    return this.status(slug);
  }

  async stop(slug: string): Promise<ControlResult<RepoEntry>> {
    this.calls.push({ stop: slug });
    return this.status(slug);
  }

  async restart(slug: string): Promise<ControlResult<RepoEntry>> {
    this.calls.push({ restart: slug });
    return this.status(slug);
  }

  async roll(slug: string): Promise<ControlResult<RepoEntry>> {
    this.calls.push({ roll: slug });
    return this.status(slug);
  }

  workerAddress(slug: string): ControlResult<FakeWorker> {
    const worker = this.#workers.get(slug);
    return worker === undefined ? fail({ code: "worker_unavailable", message: "the worker is stopped" }) : ok(worker);
  }
}
