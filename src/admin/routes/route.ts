// One row of the door's route table. The table mounts the routes and is what /openapi.json is made from, so the two
// cannot drift. Path, query and body are parsed here, before a handler sees them; unknown query keys are refused.

import type { Context } from "hono";

import { readJsonBody } from "../../core/http/json-body.ts";
import { problemResponse } from "../../core/http/problem.ts";
import { isSlug } from "../../core/domain/repository-name.ts";
import { fail, ok } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";
import { parseQuery } from "./query.ts";

export const JSON_TYPE = "application/json";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface RouteReply {
  readonly status: number;
  readonly description: string;
  readonly type?: string;
  /** A JSON Schema, which may refer to `#/components/schemas/…`. */
  readonly schema?: object;
}

interface RouteFace {
  readonly methods: readonly Method[];
  /** The path as OpenAPI spells it: `/api/repos/{slug}`. A last part `{rest}` stands for any number of parts. */
  readonly path: string;
  readonly access: "public" | "token";
  readonly summary: string;
  readonly replies: readonly RouteReply[];
}

export interface Route extends RouteFace {
  readonly query: z.ZodMiniObject | undefined;
  readonly body: z.ZodMiniType | undefined;
  readonly respond: (context: Context) => Response | Promise<Response>;
}

interface RouteDefinition<Q extends z.ZodMiniObject, B extends z.ZodMiniType> extends RouteFace {
  readonly query?: Q;
  readonly body?: B;
  readonly handle: (input: RouteInput<Q, B>) => Response | Promise<Response>;
}

export interface RouteInput<Q extends z.ZodMiniObject, B extends z.ZodMiniType> {
  readonly context: Context;
  /** The parameters of the path; empty where the path has none. */
  readonly slug: string;
  readonly query: z.infer<Q>;
  readonly body: z.infer<B>;
}

const NO_QUERY = z.strictObject({});

export function defineRoute<Q extends z.ZodMiniObject, B extends z.ZodMiniType>(
  definition: RouteDefinition<Q, B>,
): Route {
  const { query, body, handle, ...face } = definition;
  return {
    ...face,
    query,
    body,
    respond: async (context) => {
      const slug = readSlug(context, face.path);
      if (!slug.ok) return problemResponse(slug.failure);
      const parsedQuery = parseQuery(context.req.url, query ?? NO_QUERY);
      if (!parsedQuery.ok) return problemResponse(parsedQuery.failure);
      const parsedBody = body === undefined ? undefined : await readJsonBody(context.req.raw, body);
      if (parsedBody?.ok === false) return problemResponse(parsedBody.failure);
      const input = { context, slug: slug.value, query: parsedQuery.value, body: parsedBody?.value };
      return handle(input as RouteInput<Q, B>);
    },
  };
}

/** Reads the slug of the path, refused here when it is none, so that no handler ever builds a file name from it. */
export function readSlug(context: Context, path: string): ControlResult<string> {
  if (!path.includes("{slug}")) return ok("");
  const slug = context.req.param("slug") ?? "";
  if (isSlug(slug)) return ok(slug);
  return fail({ code: "invalid_slug", message: "write the slug as GET /api/repos lists it, for instance acme-web" });
}

/** `/api/repos/{slug}/worker/{rest}` → `/api/repos/:slug/worker/*`. */
export function honoPath(path: string): string {
  return path.replace(/\{rest\}$/, "*").replace(/\{([a-z]+)\}/g, ":$1");
}

export function jsonReply(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": JSON_TYPE, ...headers } });
}

export function controlReply<T>(result: ControlResult<T>, reply: (value: T) => Response = jsonReply): Response {
  return result.ok ? reply(result.value) : problemResponse(result.failure);
}
