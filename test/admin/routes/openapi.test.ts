import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { CONTROL_CODES } from "../../../src/core/messages/supervisor-control.ts";
import { ask, askJson, type Door, openDoor } from "../door.ts";
import { routeCalls } from "../route-calls.ts";

let door: Door;

beforeAll(async () => {
  door = await openDoor();
});

afterAll(() => door[Symbol.asyncDispose]());

describe("the OpenAPI document", () => {
  it("lists exactly the mounted methods and paths", async () => {
    const { body } = await askJson(door.port, "/openapi.json");

    const { openapi, paths } = body as { openapi: string; paths: Record<string, Record<string, object>> };
    const listed = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    expect(openapi).toBe("3.1.0");
    expect(listed.toSorted()).toEqual(
      routeCalls()
        .map(({ method, path }) => `${method.toLowerCase()} ${path}`)
        .toSorted(),
    );
  });

  it("resolves every reference, names each operation once and lists every code", async () => {
    const { text } = await ask(door.port, "/openapi.json");

    const document = JSON.parse(text) as {
      components: { schemas: Record<string, { properties: Record<string, { enum?: string[] }> }> };
    };
    const names = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, name]) => name);
    const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(references));
    expect(new Set(names).size).toBe(names.length);
    expect(document.components.schemas["Problem"]?.properties["code"]?.enum).toEqual(Object.keys(CONTROL_CODES));
  });

  it("describes parameters and bodies as they are checked", async () => {
    const { body } = await askJson(door.port, "/openapi.json");

    expect(body).toMatchObject({
      paths: {
        "/livez": { get: { security: [] } },
        "/api/repos": {
          post: { requestBody: { content: { "application/json": { schema: { additionalProperties: false } } } } },
        },
        "/api/repos/{slug}": {
          delete: {
            parameters: [
              { name: "slug", in: "path", required: true },
              { name: "force", in: "query", required: false, schema: { enum: ["true", "false"] } },
            ],
          },
        },
      },
    });
  });
});
