// Keeps one record per worker run in sessions.jsonl, discriminated by `repo`. Every start closes the run before as
// interrupted when it did not end properly; the newest SESSIONS_MAX stay. The file is small and replaced as a whole.

import { dirname } from "node:path";

import { checksum } from "../../core/files/checksum.ts";
import type { Clock } from "../../core/base/clock.ts";
import {
  ensurePrivateDirectory,
  readTextIfExists,
  removeTemporaries,
  replaceFile,
} from "../../core/files/durable-file.ts";
import { parseJsonObject } from "../../core/files/json-lines.ts";
import { z } from "../../core/base/schema.ts";

const SESSIONS_MAX = 50;
const ISSUES_MAX = 1_000;
const FILE_BYTES_MAX = 67_108_864;

/** Field names are the first implementation's; its records have no boot. */
export interface Session {
  readonly id: string;
  readonly repo: string;
  readonly boot: string | null;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly status: "active" | "completed" | "interrupted";
  /** The newest ISSUES_MAX issues. */
  readonly issues_processed: readonly number[];
  readonly issues_succeeded: number;
  readonly issues_failed: number;
}

const sessionSchema = z.object({
  id: z.string().check(z.minLength(1)),
  repo: z.string(),
  boot: z._default(z.nullable(z.string()), null),
  started_at: z.string(),
  ended_at: z._default(z.nullable(z.string()), null),
  status: z.enum(["active", "completed", "interrupted"]),
  issues_processed: z._default(z.array(z.int()), []),
  issues_succeeded: z._default(z.int(), 0),
  issues_failed: z._default(z.int(), 0),
});

export interface SessionLogOptions {
  /** The slug. */
  readonly repo: string;
  readonly boot: string;
  readonly clock: Clock;
}

export class SessionLog implements AsyncDisposable {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #earlier: readonly Session[];
  #current: Session;
  #writing: Promise<void> = Promise.resolve();

  static async open(file: string, options: SessionLogOptions): Promise<SessionLog> {
    await ensurePrivateDirectory(dirname(file));
    await removeTemporaries(file);
    const { sessions, damaged } = readSessions((await readTextIfExists(file, FILE_BYTES_MAX)) ?? "");
    if (damaged.length > 0) await replaceFile(`${file}.damaged`, `${damaged.join("\n")}\n`);
    const log = new SessionLog(file, options, sessions);
    await log.#write();
    return log;
  }

  private constructor(file: string, { repo, boot, clock }: SessionLogOptions, sessions: readonly Session[]) {
    this.#file = file;
    this.#clock = clock;
    const now = clock.now().toISOString();
    this.#earlier = sessions
      .slice(-(SESSIONS_MAX - 1))
      .map((session) => (session.status === "active" ? { ...session, status: "interrupted", ended_at: now } : session));
    const id = `${repo}-${now.slice(0, 19).replace(/[-:]/g, "")}-${checksum(boot).slice(2)}`;
    this.#current = {
      id,
      repo,
      boot,
      started_at: now,
      ended_at: null,
      status: "active",
      issues_processed: [],
      issues_succeeded: 0,
      issues_failed: 0,
    };
  }

  get current(): Session {
    return this.#current;
  }

  /** Lists the newest first. */
  list(): readonly Session[] {
    return [...this.#earlier, this.#current].toReversed();
  }

  note(issue: number, result: "succeeded" | "failed"): Promise<void> {
    const { issues_processed: processed, issues_succeeded: succeeded, issues_failed: failed } = this.#current;
    this.#current = {
      ...this.#current,
      issues_processed: [...processed.filter((number) => number !== issue), issue].slice(-ISSUES_MAX),
      issues_succeeded: succeeded + (result === "succeeded" ? 1 : 0),
      issues_failed: failed + (result === "failed" ? 1 : 0),
    };
    return this.#write();
  }

  /** Ends the session as completed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#current.status === "active") {
      this.#current = { ...this.#current, status: "completed", ended_at: this.#clock.now().toISOString() };
      await this.#write();
    }
    await this.#writing;
  }

  #write(): Promise<void> {
    const done = this.#writing.then(() =>
      replaceFile(
        this.#file,
        [...this.#earlier, this.#current].map((session) => `${JSON.stringify(session)}\n`).join(""),
      ),
    );
    this.#writing = done.catch(() => undefined);
    return done;
  }
}

/** The last line of an id counts, as the first implementation wrote them. */
function readSessions(text: string): { sessions: Session[]; damaged: string[] } {
  const byId = new Map<string, Session>();
  const damaged: string[] = [];
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const parsed = z.safeParse(sessionSchema, parseJsonObject(line));
    if (parsed.success) byId.set(parsed.data.id, parsed.data);
    else damaged.push(line);
  }
  return { sessions: [...byId.values()], damaged };
}
