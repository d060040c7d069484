// The daemon's answers, as far as this client reads them. Fields that it does not know stay in, so `--json` prints
// them.

import { z } from "../../core/base/schema.ts";
import { type AddReply, type Ping, REPO_STATES, type RepoEntry } from "../../core/messages/supervisor-control.ts";

const lastExit = z.looseObject({
  code: z.nullable(z.number()),
  signal: z.nullable(z.string()),
  at: z.string(),
  reason: z.string(),
  last_lines: z._default(z.array(z.string()), []),
});

export const repoEntrySchema = z.looseObject({
  path: z.string(),
  slug: z.string(),
  repo: z.string(),
  port: z.number(),
  dashboard_url: z.string(),
  log_file: z.string(),
  running: z.boolean(),
  state: z.enum(REPO_STATES),
  pid: z.nullable(z.number()),
  restarts: z.number(),
  quarantines: z._default(z.number(), 0),
  generation: z.number(),
  desired: z.enum(["running", "stopped"]),
  last_exit: z.nullable(lastExit),
  notice: z.nullable(z.string()),
  draining: z._default(z.boolean(), false),
}) satisfies z.core.$ZodType<RepoEntry>;

export const repoListSchema = z.looseObject({ repos: z.array(repoEntrySchema) });

export const pingSchema = z.looseObject({
  version: z.string(),
  boot_id: z.string(),
  uptime_s: z.number(),
  draining: z.optional(z.boolean()),
  problems: z.optional(z.array(z.string())),
}) satisfies z.core.$ZodType<Ping>;

export const addReplySchema = z.looseObject({
  slug: z.string(),
  port: z.number(),
  dashboard_url: z.string(),
  log_file: z.string(),
  started: z.boolean(),
}) satisfies z.core.$ZodType<AddReply>;

export const removeReplySchema = z.looseObject({ slug: z.string() });

export const reloadReplySchema = z.looseObject({
  changed: z.array(z.string()),
  needs_restart: z.array(z.string()),
  restarting: z.array(z.string()),
});

const work = z.array(z.looseObject({ issue: z.number(), stage: z.string() }));

export const drainReplySchema = z.looseObject({
  draining: z.boolean(),
  drained: z.boolean(),
  repos: z.array(
    z.looseObject({
      slug: z.string(),
      state: z.string(),
      drained: z.boolean(),
      in_flight: z.number(),
      in_flight_work: z.optional(work),
      /** A daemon before `in_flight_work` says it here. */
      in_hand: z.optional(work),
      finished: work,
      interrupted: work,
    }),
  ),
});

export const loginCodeSchema = z.looseObject({ url: z.string() });

export const hitlPageSchema = z.looseObject({
  items: z.array(
    z.looseObject({
      repo: z.string(),
      issue: z.number(),
      title: z.string(),
      stage: z.nullish(z.string()),
      question: z.nullish(z.string()),
      askedAt: z.nullish(z.string()),
      url: z.nullish(z.string()),
    }),
  ),
  errors: z.array(z.looseObject({ repo: z.string(), code: z.string(), message: z.string() })),
});

export const issueSchema = z.looseObject({
  issue: z.number(),
  title: z.string(),
  stage: z.nullish(z.string()),
  labels: z.array(z.string()),
  state: z.string(),
  why: z.array(z.string()),
  url: z.nullish(z.string()),
  pull: z.nullish(z.number()),
  history: z.array(z.looseObject({ at: z.string(), text: z.string() })),
});

/** An answer whose content nobody prints. */
export const anyReplySchema = z.unknown();
