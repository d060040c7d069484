import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { AGGREGATE_DEADLINE_MS, ROWS_BYTES_MAX } from "../../src/admin/repositories/aggregate-routes.ts";
import { askJson, type Door, json, openDoor, type StandIn, standInWorker } from "./door.ts";

let door: Door;
let web: StandIn;
let api: StandIn;

beforeEach(async () => {
  door = await openDoor();
  web = await standInWorker((_, outgoing) => outgoing.end('{"items":[{"number":1,"title":"One"},{"number":2}]}'));
  api = await standInWorker((_, outgoing) => outgoing.end('{"items":[{"repo":"someone/else","number":1}]}'));
  door.control.put("acme-web", "running", { port: web.port, token: "token-of-web" });
  door.control.put("acme-api", "running", { port: api.port, token: "token-of-api" });
});

afterEach(async () => {
  await web[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
  await door[Symbol.asyncDispose]();
});

describe("an aggregated view", () => {
  it.each(["pipeline", "sessions", "metrics", "workers", "hitl"])(
    "of %s tags every row with its repository",
    async (view) => {
      const answer = await askJson(door.port, `/api/${view}`);

      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({
        items: [
          { repo: "acme-web", number: 1, title: "One" },
          { repo: "acme-web", number: 2 },
          { repo: "acme-api", number: 1 },
        ],
        errors: [],
      });
      expect([web.seen[0]?.url, api.seen[0]?.url]).toEqual([`/api/${view}`, `/api/${view}`]);
    },
  );

  it("asks each worker with its own token and never with the caller's", async () => {
    await askJson(door.port, "/api/pipeline");

    expect(web.seen[0]?.headers.authorization).toBe("Bearer token-of-web");
    expect(api.seen[0]?.headers.authorization).toBe("Bearer token-of-api");
  });

  it("of one repository asks only that worker", async () => {
    const answer = await askJson(door.port, "/api/pipeline?repo=acme-api");

    expect(answer.body).toEqual({ items: [{ repo: "acme-api", number: 1 }], errors: [] });
    expect(web.seen).toEqual([]);
  });

  it("is empty without repositories", async () => {
    await using empty = await openDoor();

    const answer = await askJson(empty.port, "/api/pipeline");

    expect(answer).toEqual({ status: 200, body: { items: [], errors: [] } });
  });

  it.each([
    ["acme-none", 404, "not_found"],
    ["../etc", 422, "invalid_slug"],
    ["", 422, "invalid_slug"],
  ])("of %j is refused", async (repo, status, code) => {
    const answer = await askJson(door.port, `/api/pipeline?repo=${encodeURIComponent(repo)}`);

    expect(answer).toMatchObject({ status, body: { code } });
  });

  it("cannot be written to", async () => {
    const answer = await askJson(door.port, "/api/hitl", json({ reason: "all of them" }));

    expect(answer).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(web.seen).toEqual([]);
  });
});

async function partialAnswer(): Promise<{
  items: unknown;
  errors: { repo: string; code: string; message: string }[];
}> {
  const answer = await askJson(door.port, "/api/pipeline");
  expect(answer.status).toBe(200);
  return answer.body as Awaited<ReturnType<typeof partialAnswer>>;
}

describe("a worker that does not deliver", () => {
  const rows = [{ repo: "acme-api", number: 1 }];

  it("costs only its own rows when it is stopped", async () => {
    door.control.put("acme-web", "stopped");

    const { items, errors } = await partialAnswer();

    expect(items).toEqual(rows);
    expect(errors).toEqual([{ repo: "acme-web", code: "worker_unavailable", message: "the worker is stopped" }]);
  });

  it("costs only its own rows when nobody listens", async () => {
    const gone = await standInWorker((_, outgoing) => outgoing.end());
    await gone[Symbol.asyncDispose]();
    door.control.put("acme-web", "running", { port: gone.port, token: "t" });

    const { items, errors } = await partialAnswer();

    expect(items).toEqual(rows);
    expect(errors).toEqual([
      { repo: "acme-web", code: "worker_unavailable", message: "the worker does not answer (ECONNREFUSED)" },
    ]);
  });

  it.each([
    ["never answers", ""],
    ["stops in the middle of its answer", '{"items":['],
  ])("costs only its own rows when it %s", async (_, start) => {
    await using slow = await standInWorker((__, outgoing) => void (start === "" || outgoing.write(start)));
    door.control.put("acme-web", "running", { port: slow.port, token: "t" });

    const { items, errors } = await partialAnswer();

    expect(items).toEqual(rows);
    const message = `the worker did not answer within ${AGGREGATE_DEADLINE_MS} ms`;
    expect(errors).toEqual([{ repo: "acme-web", code: "worker_unavailable", message }]);
  });

  it.each([
    ["no JSON", 200, "<html>", "the worker's answer is not {items: […]}"],
    ["another shape", 200, '{"rows":[]}', "the worker's answer is not {items: […]}"],
    ["rows that are no objects", 200, '{"items":[1]}', "the worker's answer is not {items: […]}"],
    ["an error", 500, '{"items":[]}', "the worker answered with status 500"],
    ["a redirect", 302, "", "the worker answered with status 302"],
    [
      "too much",
      200,
      `{"items":["${"x".repeat(ROWS_BYTES_MAX)}"]}`,
      `the worker's answer is larger than ${ROWS_BYTES_MAX} bytes`,
    ],
  ])("costs only its own rows when it answers with %s", async (_, status, body, message) => {
    await using odd = await standInWorker((__, outgoing) =>
      outgoing.writeHead(status, { location: `http://127.0.0.1:${api.port}/` }).end(body),
    );
    door.control.put("acme-web", "running", { port: odd.port, token: "t" });

    const { items, errors } = await partialAnswer();

    expect(items).toEqual(rows);
    expect(errors).toEqual([{ repo: "acme-web", code: "worker_unavailable", message }]);
    expect(api.seen).toHaveLength(1);
  });
});
