// JSON Schemas of what this door answers, as components of the OpenAPI document. Each is tied to the interface it
// describes by its keys: a field that is added to one and not to the other does not compile.

import {
  CONTROL_CODES,
  type AddReply,
  type Hindered,
  type LastExit,
  type Readiness,
  type Reloaded,
  type RepoEntry,
  REPO_STATES,
} from "../../core/messages/supervisor-control.ts";
import type { DrainedRepository, DrainReport, WorkInFlight } from "../../core/messages/drain-control.ts";
import type { Problem } from "../../core/http/problem.ts";

const text = { type: "string" };
const integer = { type: "integer" };
const texts = { type: "array", items: text };
const flag = { type: "boolean" };
const time = { type: "string", format: "date-time" };
const row = { type: "object", properties: { repo: text }, required: ["repo"], additionalProperties: true };

const lastExit = closed<LastExit>({
  code: { type: ["integer", "null"] },
  signal: { type: ["string", "null"] },
  at: time,
  reason: text,
  last_lines: { type: "array", items: text },
});

const repoEntry = closed<RepoEntry>({
  path: text,
  slug: text,
  repo: text,
  port: integer,
  dashboard_url: text,
  log_file: text,
  running: flag,
  state: { enum: [...REPO_STATES] },
  pid: { type: ["integer", "null"] },
  restarts: integer,
  quarantines: integer,
  generation: integer,
  desired: { enum: ["running", "stopped"] },
  last_exit: { oneOf: [{ $ref: "#/components/schemas/LastExit" }, { type: "null" }] },
  notice: { type: ["string", "null"] },
  draining: flag,
});

const work = { type: "array", items: closed<WorkInFlight>({ issue: integer, stage: text }) };
const formerName = { ...work, deprecated: true, description: "The former name of in_flight_work." };

const drained = closed<DrainedRepository>({
  slug: text,
  state: { enum: [...REPO_STATES] },
  drained: flag,
  in_flight: integer,
  in_flight_work: work,
  in_hand: formerName,
  finished: work,
  interrupted: work,
});

type SchemaName =
  | "Problem"
  | "Ping"
  | "LastExit"
  | "RepoEntry"
  | "RepoList"
  | "AddReply"
  | "Registered"
  | "Removed"
  | "Reloaded"
  | "Drain"
  | "Rows"
  | "LoginCode";

export const COMPONENT_SCHEMAS: Readonly<Record<SchemaName, object>> = {
  Problem: closed<Problem>({
    type: text,
    title: text,
    status: integer,
    detail: text,
    code: { enum: Object.keys(CONTROL_CODES) },
  }),
  Ping: closed<Record<"version" | "boot_id" | "uptime_s" | "hindered" | keyof Readiness, unknown>>({
    version: text,
    boot_id: text,
    uptime_s: { type: "number" },
    ready: flag,
    draining: flag,
    problems: { type: "array", items: text },
    hindered: { type: "array", items: closed<Hindered>({ slug: text, notice: text }) },
  }),
  LastExit: lastExit,
  RepoEntry: repoEntry,
  RepoList: closed<{ repos: unknown }>({ repos: { type: "array", items: schemaRef("RepoEntry") } }),
  AddReply: closed<AddReply>({
    slug: text,
    port: integer,
    dashboard_url: text,
    log_file: text,
    started: flag,
  }),
  Registered: closed<{ slug: unknown; path: unknown }>({ slug: text, path: text }),
  Removed: closed<{ slug: unknown }>({ slug: text }),
  Reloaded: closed<Reloaded>({ changed: texts, needs_restart: texts, restarting: texts }),
  Drain: closed<DrainReport>({
    draining: flag,
    since: { type: ["string", "null"], format: "date-time" },
    drained: flag,
    repos: { type: "array", items: drained },
  }),
  Rows: closed<{ items: unknown; errors: unknown }>({
    items: { type: "array", items: row },
    errors: {
      type: "array",
      items: closed<{ repo: unknown; code: unknown; message: unknown }>({ repo: text, code: text, message: text }),
    },
  }),
  LoginCode: closed<{ code: unknown; url: unknown; expires_in_s: unknown }>({
    code: text,
    url: { type: "string", format: "uri" },
    expires_in_s: integer,
  }),
};

export function schemaRef(name: SchemaName): object {
  return { $ref: `#/components/schemas/${name}` };
}

function closed<T extends object>(properties: Readonly<Record<keyof T & string, object>>): object {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}
