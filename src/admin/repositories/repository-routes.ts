// Lifecycle of repositories: the same port as the TCP door, without logic of its own. Once accepted, a change runs to
// its end even when the client hangs up; only the end of the daemon cuts it short, so changes take the door's own
// signal.

import { z } from "../../core/base/schema.ts";
import type { RepoEntry, SupervisorControl } from "../../core/messages/supervisor-control.ts";
import { schemaRef } from "../routes/openapi-schemas.ts";
import { controlReply, defineRoute, JSON_TYPE, jsonReply, type Route } from "../routes/route.ts";

const PATH_LENGTH_MAX = 4_096;
const NAME_LENGTH_MAX = 200;

const addBody = z.strictObject({
  path: z.optional(z.string().check(z.minLength(1), z.maxLength(PATH_LENGTH_MAX))),
  repo: z.optional(z.string().check(z.minLength(1), z.maxLength(PATH_LENGTH_MAX))),
  repo_slug: z.optional(z.string().check(z.minLength(1), z.maxLength(NAME_LENGTH_MAX))),
  /** The value false registers the repository only. */
  start: z._default(z.boolean(), true),
});
const removeQuery = z.strictObject({ force: z.optional(z.enum(["true", "false"])) });

/** A rolling restart finishes first what is in flight, within a bound, and leaves a worker alone that does not run. */
const restartQuery = z.strictObject({ rolling: z.optional(z.enum(["true", "false"])) });
const NO_QUERY = z.strictObject({});

const ACTIONS = ["start", "stop", "restart"] as const;

export function repositoryRoutes(control: SupervisorControl, closing: AbortSignal): Route[] {
  return [
    listRoute(control),
    addRoute(control, closing),
    entryRoute(control, "/api/repos/{slug}"),
    entryRoute(control, "/api/repos/{slug}/status"),
    removeRoute(control, closing),
    ...ACTIONS.map((action) => actionRoute(control, action, closing)),
  ];
}

function listRoute(control: SupervisorControl): Route {
  const list = cachedList(() => control.list());
  return defineRoute({
    methods: ["GET"],
    path: "/api/repos",
    access: "token",
    summary: "Every registered repository",
    replies: [{ status: 200, description: "The repositories", schema: schemaRef("RepoList") }],
    handle: () => new Response(list(), { headers: { "content-type": JSON_TYPE } }),
  });
}

/** The port returns the same array while nothing changed, so polling clients cost no serialisation. */
function cachedList(list: () => readonly RepoEntry[]): () => Uint8Array<ArrayBuffer> {
  let entries: readonly RepoEntry[] | undefined;
  let bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  return () => {
    const current = list();
    if (current !== entries) {
      bytes = new TextEncoder().encode(JSON.stringify({ repos: current }));
      entries = current;
    }
    return bytes;
  };
}

function addRoute(control: SupervisorControl, closing: AbortSignal): Route {
  return defineRoute({
    methods: ["POST"],
    path: "/api/repos",
    access: "token",
    summary: "Add a repository and start its worker; with `start: false` only register it",
    body: addBody,
    replies: [
      { status: 200, description: "Its worker was running already", schema: schemaRef("AddReply") },
      {
        status: 201,
        description: "Added and started, or registered",
        schema: { oneOf: [schemaRef("AddReply"), schemaRef("Registered")] },
      },
    ],
    handle: async ({ body: { start, ...request } }) => {
      if (!start) return controlReply(await control.register(request, closing), (reply) => created(reply.slug, reply));
      return controlReply(await control.add(request, closing), (reply) =>
        reply.started ? created(reply.slug, reply) : jsonReply(reply),
      );
    },
  });
}

function created(slug: string, reply: object): Response {
  return jsonReply(reply, 201, { location: `/api/repos/${slug}` });
}

function entryRoute(control: SupervisorControl, path: string): Route {
  return defineRoute({
    methods: ["GET"],
    path,
    access: "token",
    summary: "One repository",
    replies: [{ status: 200, description: "The repository", schema: schemaRef("RepoEntry") }],
    handle: ({ slug }) => controlReply(control.status(slug)),
  });
}

function removeRoute(control: SupervisorControl, closing: AbortSignal): Route {
  return defineRoute({
    methods: ["DELETE"],
    path: "/api/repos/{slug}",
    access: "token",
    summary: "Stop the worker and forget the repository; its data stays. `force` although work is in flight",
    query: removeQuery,
    replies: [{ status: 200, description: "Removed", schema: schemaRef("Removed") }],
    handle: async ({ slug, query }) =>
      controlReply(await control.remove({ slug, force: query.force === "true" }, closing)),
  });
}

function actionRoute(control: SupervisorControl, action: (typeof ACTIONS)[number], closing: AbortSignal): Route {
  return defineRoute({
    methods: ["POST"],
    path: `/api/repos/{slug}/${action}`,
    access: "token",
    summary: `${action[0]?.toUpperCase()}${action.slice(1)} the worker of one repository`,
    replies: [{ status: 200, description: "The repository", schema: schemaRef("RepoEntry") }],
    query: action === "restart" ? restartQuery : NO_QUERY,
    handle: async ({ slug, query }) => {
      const isRolling = query["rolling"] === "true";
      return controlReply(await control[isRolling ? "roll" : action](slug, closing));
    },
  });
}
