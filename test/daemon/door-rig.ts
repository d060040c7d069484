// What the tests of the TCP door share: a control that only records, a door before it, and connections to that.

import { connect, type Socket } from "node:net";

import { hashToken } from "../../src/core/http/bearer-token.ts";
import type { Log } from "../../src/core/logs/log.ts";
import { fail, ok } from "../../src/core/base/result.ts";
import type { AddRequest, RepoEntry, SupervisorControl } from "../../src/core/messages/supervisor-control.ts";
import { createControlHandler } from "../../src/daemon/tcp/control-handler.ts";
import { openTcpDoor, type TcpDoor, type TcpDoorOptions } from "../../src/daemon/tcp/tcp-door.ts";
import { exchange, NEVER, type Reply } from "./daemon-rig.ts";
import { FakeDrain } from "../support/fake-drain.ts";
import { repoEntry } from "../support/repo-entry.ts";

export const TOKEN = "the-token-of-this-test";
export const ENTRY = repoEntry({
  path: "/srv/web",
  port: 39_543,
  dashboard_url: "http://localhost:8766/?repo=acme-web",
  log_file: "/h/acme-web/logs/worker.log",
  pid: 7,
});

/** Records what was asked; an add of `/slow` ends when `releaseSlow` is called. */
export class FakeControl implements SupervisorControl {
  readonly calls: string[] = [];
  #slow = Promise.withResolvers<void>();
  rows: readonly RepoEntry[] = [ENTRY];

  releaseSlow(): void {
    this.#slow.resolve();
  }

  ping() {
    this.calls.push("ping");
    return { version: "1.2.3", boot_id: "b", uptime_s: 5 };
  }

  list() {
    this.calls.push("list");
    return this.rows;
  }

  async add(request: AddRequest) {
    this.calls.push(`add ${request.path} ${request.repo_slug}`);
    if (request.path === undefined) return fail({ code: "bad_request", message: "Missing path" } as const);
    if (request.path === "/bug") throw new Error("a secret detail");
    if (request.path === "/slow") await this.#slow.promise;
    const { slug, port, dashboard_url, log_file } = ENTRY;
    return ok({ slug, port, dashboard_url, log_file, started: true });
  }

  register() {
    this.calls.push("register");
    return Promise.resolve(ok({ slug: ENTRY.slug, path: ENTRY.path }));
  }

  remove(target: { slug?: string | undefined; path?: string | undefined; force?: boolean | undefined }) {
    this.calls.push(`remove ${target.slug} ${target.path} ${target.force}`);
    return Promise.resolve(
      target.slug === "gone"
        ? fail({ code: "not_found", message: "Repo not found" } as const)
        : ok({ slug: ENTRY.slug }),
    );
  }

  start = (slug: string) => this.#entry("start", slug);
  stop = (slug: string) => this.#entry("stop", slug);
  restart = (slug: string) => this.#entry("restart", slug);
  roll = (slug: string) => this.#entry("roll", slug);

  status(slug: string) {
    this.calls.push(`status ${slug}`);
    return ok(ENTRY);
  }

  workerAddress() {
    return ok({ port: 1, token: "" });
  }

  #entry(call: string, slug: string) {
    this.calls.push(`${call} ${slug}`);
    return Promise.resolve(ok(ENTRY));
  }
}

/** A door for one test. */
export class DoorRig implements AsyncDisposable {
  readonly control: FakeControl;
  readonly port: number;
  /** What was logged. */
  readonly records: { message: string; fields: Readonly<Record<string, unknown>> }[];
  readonly #door: TcpDoor;
  readonly #sockets: Socket[] = [];

  private constructor(control: FakeControl, door: TcpDoor, records: DoorRig["records"]) {
    this.control = control;
    this.port = door.port;
    this.records = records;
    this.#door = door;
  }

  static async open(auth: "token" | "none", options: Partial<TcpDoorOptions> = {}): Promise<DoorRig> {
    const control = new FakeControl();
    const records: DoorRig["records"] = [];
    const log: Log = {
      write: (_, message, fields = {}) => records.push({ message, fields }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const handle = createControlHandler({
      control,
      drain: new FakeDrain(),
      auth,
      tokenHashes: () => [hashToken(TOKEN)],
      log,
    });
    return new DoorRig(control, await openTcpDoor({ port: 0, handle, ...options }, NEVER), records);
  }

  /** All replies to these lines, sent at once on one connection. */
  async replies(lines: readonly (object | string)[]): Promise<Reply[]> {
    const text = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");
    const answered = (await exchange(this.port, text)).trimEnd().split("\n").filter(Boolean);
    return answered.map((line) => JSON.parse(line) as Reply);
  }

  /** A connection that is destroyed with the rig. */
  socket(): Socket {
    const socket = connect({ host: "127.0.0.1", port: this.port });
    socket.on("error", () => undefined);
    this.#sockets.push(socket);
    return socket;
  }

  close(): Promise<void> {
    return this.#door[Symbol.asyncDispose]() as Promise<void>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.control.releaseSlow();
    for (const socket of this.#sockets) socket.destroy();
    await this.close();
  }
}
