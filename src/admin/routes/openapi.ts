// The OpenAPI 3.1 document of this door, made from the route table that also mounts the routes.

import { z } from "../../core/base/schema.ts";
import { VERSION } from "../../core/base/version.ts";
import { PROBLEM_TYPE } from "../../core/http/problem.ts";
import { COMPONENT_SCHEMAS, schemaRef } from "./openapi-schemas.ts";
import { defineRoute, JSON_TYPE, jsonReply, type Method, type Route, type RouteReply } from "./route.ts";

/** `routes` is read at the first request, when the table is complete. */
export function openApiRoute(routes: () => readonly Route[]): Route {
  let document: object | undefined;
  return defineRoute({
    methods: ["GET"],
    path: "/openapi.json",
    access: "token",
    summary: "This document",
    replies: [{ status: 200, description: "OpenAPI 3.1", schema: { type: "object" } }],
    handle: () => jsonReply((document ??= openApiDocument(routes()))),
  });
}

function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    for (const method of route.methods) (paths[route.path] ??= {})[method.toLowerCase()] = operationOf(route, method);
  }
  return {
    openapi: "3.1.0",
    info: { title: "HydraFlow", version: VERSION, description: "The supervisor's HTTP door on loopback." },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "The text of the file `token`." } },
      schemas: COMPONENT_SCHEMAS,
    },
  };
}

function operationOf(route: Route, method: Method): object {
  return {
    operationId: `${method.toLowerCase()}${route.path.replace(/[^a-z]+([a-z]?)/gi, (_, next: string) => next.toUpperCase())}`,
    summary: route.summary,
    ...(route.access === "public" ? { security: [] } : {}),
    parameters: [...pathParameters(route.path), ...queryParameters(route.query)],
    ...(route.body === undefined ? {} : { requestBody: requestBody(route.body) }),
    responses: {
      ...Object.fromEntries(route.replies.map((reply) => [reply.status, responseOf(reply)])),
      default: { description: "Refused", content: { [PROBLEM_TYPE]: { schema: schemaRef("Problem") } } },
    },
  };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: z.ZodMiniObject | undefined): object[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(query);
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

function requestBody(body: z.ZodMiniType): object {
  const { $schema: _, ...schema } = z.toJSONSchema(body);
  return { required: true, content: { [JSON_TYPE]: { schema } } };
}

function responseOf(reply: RouteReply): object {
  const { description, type = JSON_TYPE, schema = { type: "string" } } = reply;
  return { description, content: { [type]: { schema } } };
}
