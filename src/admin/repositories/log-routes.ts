// Answers with the end of a log as JSON lines, and with what is written next for as long as the client stays.

import type { Context } from "hono";

import type { Clock } from "../../core/base/clock.ts";
import type { Log } from "../../core/logs/log.ts";
import { problemResponse } from "../../core/http/problem.ts";
import { z } from "../../core/base/schema.ts";
import type { SupervisorControl } from "../../core/messages/supervisor-control.ts";
import { type LogTailOptions, tailLog } from "./log-tail.ts";
import { type ByteSource, pullStream } from "./pull-stream.ts";
import { defineRoute, type Route } from "../routes/route.ts";

const LINES_DEFAULT = 100;
export const LINES_MAX = 10_000;
export const FOLLOWERS_MAX = 64;
const LINES_TYPE = "application/x-ndjson";

const logQuery = z.strictObject({
  /** So many lines from the end; more than 10,000 are answered with 10,000. */
  tail: z.optional(z.string().check(z.regex(/^\d{1,6}$/))),
  follow: z.optional(z.enum(["0", "1", "true", "false"])),
});

export interface LogRouteOptions {
  readonly control: SupervisorControl;
  readonly supervisorLogFile: string;
  readonly workerLogFile: (slug: string) => string;
  readonly clock: Clock;
  readonly log: Log;
}

export function logRoutes(options: LogRouteOptions, closing: AbortSignal): Route[] {
  const reader = new LogReader(options, closing);
  const face = {
    methods: ["GET"],
    access: "token",
    query: logQuery,
    replies: [{ status: 200, description: "One JSON record a line, oldest first", type: LINES_TYPE }],
  } as const;
  return [
    defineRoute({
      ...face,
      path: "/api/logs",
      summary: "The supervisor's log: its last `tail` lines (100; at most 10,000), with `follow=1` also the next ones",
      handle: ({ context, query }) => reader.respond(context, options.supervisorLogFile, query),
    }),
    defineRoute({
      ...face,
      path: "/api/repos/{slug}/logs",
      summary: "A worker's log: its last `tail` lines (100; at most 10,000), with `follow=1` also the next ones",
      handle: ({ context, slug, query }) => {
        const entry = options.control.status(slug);
        return entry.ok ? reader.respond(context, options.workerLogFile(slug), query) : problemResponse(entry.failure);
      },
    }),
  ];
}

class LogReader {
  readonly #options: LogRouteOptions;
  readonly #closing: AbortSignal;
  #followers = 0;

  constructor(options: LogRouteOptions, closing: AbortSignal) {
    this.#options = options;
    this.#closing = closing;
  }

  respond(context: Context, file: string, query: z.infer<typeof logQuery>): Response {
    const follow = query.follow === "1" || query.follow === "true";
    if (follow && this.#followers >= FOLLOWERS_MAX) {
      return problemResponse({ code: "too_many", message: `at most ${FOLLOWERS_MAX} clients follow logs at once` });
    }
    const lines = Math.min(Number(query.tail ?? LINES_DEFAULT), LINES_MAX);
    const tail = { file, lines, follow, clock: this.#options.clock };
    const body = pullStream(context, this.#options.log, this.#closing, (signal) => this.#read(tail, signal));
    return new Response(body, { headers: { "content-type": LINES_TYPE } });
  }

  /** A stream counts while it runs: a HEAD request has a body that nobody ever pulls. */
  async *#read(options: LogTailOptions, signal: AbortSignal): ByteSource {
    this.#followers += options.follow ? 1 : 0;
    try {
      yield* tailLog(options, signal);
    } finally {
      this.#followers -= options.follow ? 1 : 0;
    }
  }
}
