// One view over all repositories. Every running worker is asked for its own rows at the same time, each with the same
// deadline; one that is down, slow or talks nonsense costs an entry in `errors`, never the page.

import { fail, ok } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import type { ControlFailure, ControlResult, SupervisorControl } from "../../core/messages/supervisor-control.ts";
import { problemResponse } from "../../core/http/problem.ts";
import { isSlug } from "../../core/domain/repository-name.ts";
import { schemaRef } from "../routes/openapi-schemas.ts";
import { defineRoute, jsonReply, type Route } from "../routes/route.ts";
import { callWorker, describeWorkerFailure, readAnswer, type WorkerFailure } from "./worker-client.ts";

/** The deadline for head and body of one worker's answer together. */
export const AGGREGATE_DEADLINE_MS = 2_000;
export const ROWS_BYTES_MAX = 1_048_576;

const VIEWS = {
  pipeline: "Issues in the pipeline",
  sessions: "Runs of the workers",
  metrics: "Counters",
  workers: "Stage loops and their agents",
  hitl: "Questions that wait for a person",
} as const;

const viewQuery = z.strictObject({ repo: z.optional(z.string().check(z.maxLength(200))) });
const rowsSchema = z.object({ items: z.array(z.record(z.string(), z.unknown())) });

type Row = Readonly<Record<string, unknown>>;

export function aggregateRoutes(control: SupervisorControl, closing: AbortSignal): Route[] {
  return Object.entries(VIEWS).map(([view, meaning]) =>
    defineRoute({
      methods: ["GET"],
      path: `/api/${view}`,
      access: "token",
      summary: `${meaning}, of all repositories or with \`repo\` (a slug) of one; every row carries \`repo\``,
      query: viewQuery,
      replies: [
        { status: 200, description: "Rows, and what each missing repository lacks", schema: schemaRef("Rows") },
      ],
      handle: async ({ context, query }) => {
        const slugs = slugsOf(control, query.repo);
        if (!slugs.ok) return problemResponse(slugs.failure);
        const signal = AbortSignal.any([context.req.raw.signal, closing]);
        return jsonReply(await gather(control, slugs.value, `/api/${view}`, signal));
      },
    }),
  );
}

function slugsOf(control: SupervisorControl, repo: string | undefined): ControlResult<readonly string[]> {
  if (repo === undefined) return ok(control.list().map(({ slug }) => slug));
  if (!isSlug(repo)) return fail({ code: "invalid_slug", message: "give `repo` as a slug, for instance acme-web" });
  const entry = control.status(repo);
  return entry.ok ? ok([repo]) : entry;
}

async function gather(control: SupervisorControl, slugs: readonly string[], path: string, signal: AbortSignal) {
  const answers = await Promise.all(
    slugs.map(async (repo) => ({ repo, rows: await rowsOfWorker(control, repo, path, signal) })),
  );
  const items: Row[] = [];
  const errors: ({ repo: string } & ControlFailure)[] = [];
  for (const { repo, rows } of answers) {
    if (!rows.ok) errors.push({ repo, ...rows.failure });
    // The supervisor's name for the repository wins, whatever the worker calls itself; and it stands first.
    else items.push(...rows.value.map((row) => Object.assign({ repo }, row, { repo })));
  }
  return { items, errors };
}

/** Asks one worker for its rows of a view, under the deadline and the size limit. */
export async function rowsOfWorker(
  control: SupervisorControl,
  slug: string,
  path: string,
  signal: AbortSignal,
): Promise<ControlResult<readonly Row[]>> {
  const address = control.workerAddress(slug);
  if (!address.ok) return address;
  const deadline = AbortSignal.timeout(AGGREGATE_DEADLINE_MS);
  const call = { method: "GET", path, headers: { accept: "application/json" }, body: undefined };
  const answer = await callWorker(address.value, call, AGGREGATE_DEADLINE_MS, AbortSignal.any([signal, deadline]));
  if (!answer.ok) return fail(unavailable(answer.failure, deadline));
  const body = await readAnswer(answer.value, ROWS_BYTES_MAX);
  if (!body.ok) return fail(unavailable(body.failure, deadline));
  if (answer.value.statusCode !== 200) return unusable(`the worker answered with status ${answer.value.statusCode}`);
  const parsed = z.safeParse(rowsSchema, parseJson(body.value));
  return parsed.success ? ok(parsed.data.items) : unusable("the worker's answer is not {items: […]}");
}

/** The deadline cuts a body short too; then the reason is the deadline and not the broken connection. */
function unavailable(failure: WorkerFailure, deadline: AbortSignal): ControlFailure {
  const cause: WorkerFailure = deadline.aborted ? { kind: "too-slow", afterMs: AGGREGATE_DEADLINE_MS } : failure;
  return { code: "worker_unavailable", message: describeWorkerFailure(cause) };
}

function unusable(message: string): ControlResult<never> {
  return fail({ code: "worker_unavailable", message });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
