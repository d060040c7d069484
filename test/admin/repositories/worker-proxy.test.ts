import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { PROXY_ANSWER_BYTES_MAX } from "../../../src/admin/repositories/worker-proxy.ts";
import {
  ask,
  askJson,
  askRaw,
  BEARER,
  type Door,
  json,
  openDoor,
  type StandIn,
  standInWorker,
  textOf,
  TOKEN,
} from "../door.ts";

let door: Door;
let worker: StandIn;

const WORKER = "/api/repos/acme-web/worker";

beforeEach(async () => {
  door = await openDoor();
  worker = await standInWorker((incoming, outgoing) => {
    void textOf(incoming).then((body) => {
      outgoing.writeHead(207, { "content-type": "application/json", etag: '"1"', "set-cookie": "a=b", "x-inner": "1" });
      outgoing.end(JSON.stringify({ method: incoming.method, url: incoming.url, body }));
    });
  });
  door.control.put("acme-web", "running", { port: worker.port, token: "token-of-web" });
  door.control.put("acme-idle", "stopped");
});

afterEach(async () => {
  await worker[Symbol.asyncDispose]();
  await door[Symbol.asyncDispose]();
});

async function replaceWorker(answer: Parameters<typeof standInWorker>[0]): Promise<void> {
  await worker[Symbol.asyncDispose]();
  worker = await standInWorker(answer);
  door.control.put("acme-web", "running", { port: worker.port, token: "token-of-web" });
}

describe("forwarding to a worker", () => {
  it.each(["GET", "DELETE"])("passes %s with its query", async (method) => {
    const answer = await askJson(door.port, `${WORKER}/issues/42?why=1&x=%2F`, { method });

    expect(answer).toEqual({ status: 207, body: { method, url: "/api/issues/42?why=1&x=%2F", body: "" } });
  });

  it.each(["POST", "PUT", "PATCH"])("passes %s with its body", async (method) => {
    const answer = await askJson(door.port, `${WORKER}/hitl/42/correct`, json({ correction: "use ü" }, method));

    expect(answer).toEqual({
      status: 207,
      body: { method, url: "/api/hitl/42/correct", body: '{"correction":"use ü"}' },
    });
    expect(worker.seen[0]?.headers).toMatchObject({ "content-type": "application/json", "content-length": "23" });
  });

  it("sends the worker's token and nothing of the caller's credentials or connection", async () => {
    const headers = {
      ...BEARER,
      cookie: "hydraflow_session=x",
      connection: "keep-alive, x-secret",
      "x-secret": "1",
      "proxy-authorization": "Basic eA==",
      te: "trailers",
      "x-hydraflow": "1",
      origin: `http://127.0.0.1:${door.port}`,
      "x-forwarded-for": "10.0.0.1",
      accept: "application/json",
    };

    await ask(door.port, `${WORKER}/pipeline`, { headers });

    expect(worker.seen[0]?.headers).toEqual({
      accept: "application/json",
      authorization: "Bearer token-of-web",
      connection: "close",
      host: `127.0.0.1:${worker.port}`,
    });
    expect(JSON.stringify(worker.seen[0]?.rawHeaders)).not.toContain(TOKEN);
  });

  it("hands back the answer with listed headers only", async () => {
    const answer = await ask(door.port, `${WORKER}/pipeline`);

    expect(answer.headers).toMatchObject({ "content-type": "application/json", etag: '"1"' });
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(answer.headers["x-inner"]).toBeUndefined();
  });

  it.each([
    [204, ""],
    [304, ""],
    [404, '{"code":"not_found"}'],
    [500, "broken"],
  ])("keeps status %i", async (status, body) => {
    await replaceWorker((_, outgoing) => outgoing.writeHead(status).end(body));

    const answer = await ask(door.port, `${WORKER}/pipeline`);

    expect([answer.status, answer.text]).toEqual([status, body]);
  });

  it("answers HEAD without a body", async () => {
    const answer = await ask(door.port, `${WORKER}/pipeline`, { method: "HEAD" });

    expect([answer.status, answer.text]).toEqual([207, ""]);
    expect(worker.seen[0]?.method).toBe("HEAD");
  });

  it("hands on each piece as it comes, and hangs up on the worker when the client goes", async () => {
    const gone = Promise.withResolvers<undefined>();
    await replaceWorker((_, outgoing) => {
      outgoing.write("first");
      outgoing.on("close", () => gone.resolve(undefined));
    });
    const outgoing = request({ host: "127.0.0.1", port: door.port, path: `${WORKER}/events`, headers: BEARER });
    outgoing.on("error", () => undefined);
    outgoing.end();
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    answer.on("error", () => undefined);
    const [piece] = (await once(answer, "data")) as [Buffer];

    outgoing.destroy();

    expect(String(piece)).toBe("first");
    await gone.promise;
  });
});

describe("what is not forwarded", () => {
  it.each([
    ["", 400],
    ["/", 400],
    ["/..", 404],
    ["/../../acme-none", 404],
    ["/%2e%2e/livez", 404],
    ["/..%2flivez", 400],
    ["/%2e%2e%2flivez", 400],
    ["/a/..%2f..%2flivez", 400],
    ["/..%5clivez", 400],
    ["/%252e%252e%252flivez", 400],
    ["/a%00b", 400],
    ["/a%0d%0ax:1", 400],
    ["/a;b", 400],
    ["/http:%2f%2fevil.example", 400],
    ["/@evil.example", 400],
    ["/%zz", 400],
    ["/%c0%ae%c0%ae/livez", 400],
    ["/ａ", 400],
  ])("%j is refused and never reaches the worker", async (path, status) => {
    const head = `GET ${WORKER}${path} HTTP/1.1\r\nhost: 127.0.0.1:${door.port}\r\nconnection: close\r\n`;

    const answer = await askRaw(door.port, `${head}authorization: Bearer ${TOKEN}\r\n\r\n`);

    expect(answer.split(" ")[1]).toBe(String(status));
    expect(worker.seen).toEqual([]);
  });

  it.each([
    ["//issues///42/", "/api/issues/42"],
    ["/issues%2f42", "/api/issues/42"],
    ["/%69ssues/42", "/api/issues/42"],
    ["/x/../issues/42", "/api/issues/42"],
    ["/.../x", "/api/.../x"],
  ])("%j is made plain first", async (path, url) => {
    const answer = await askJson(door.port, `${WORKER}${path}`);

    expect(answer.body).toMatchObject({ url });
  });

  it("a chunked body over the limit is refused", async () => {
    const chunks = Array.from({ length: 20 }, () => Buffer.alloc(65_536, " "));

    const answer = await askJson(door.port, `${WORKER}/hitl/1/correct`, { ...json({}), body: chunks });

    expect(answer).toMatchObject({ status: 413, body: { code: "too_large" } });
    expect(worker.seen).toEqual([]);
  });

  it("another content type is refused", async () => {
    const headers = { ...BEARER, "content-type": "text/plain" };

    const answer = await askJson(door.port, `${WORKER}/hitl/1/correct`, { method: "POST", headers, body: "{}" });

    expect(answer).toMatchObject({ status: 415, body: { code: "unsupported_type" } });
    expect(worker.seen).toEqual([]);
  });
});

describe("a worker that cannot be used", () => {
  it("is a problem when it is stopped", async () => {
    const answer = await askJson(door.port, "/api/repos/acme-idle/worker/pipeline");

    expect(answer).toMatchObject({
      status: 503,
      body: { code: "worker_unavailable", detail: "the worker is stopped" },
    });
  });

  it("is a problem when nobody listens", async () => {
    await worker[Symbol.asyncDispose]();

    const answer = await askJson(door.port, `${WORKER}/pipeline`);

    expect(answer).toMatchObject({ status: 503, body: { code: "worker_unavailable" } });
    worker = await standInWorker((_, outgoing) => outgoing.end());
  });

  it.each([301, 302, 307, 308, 401])("is a problem when it answers %i; nothing is followed", async (status) => {
    await using target = await standInWorker((_, outgoing) => outgoing.end("followed"));
    await replaceWorker((_, outgoing) =>
      outgoing.writeHead(status, { location: `http://127.0.0.1:${target.port}/` }).end(),
    );

    const answer = await askJson(door.port, `${WORKER}/pipeline`);

    expect(answer).toMatchObject({ status: 503, body: { code: "worker_unavailable" } });
    expect(target.seen).toEqual([]);
  });

  it("is a problem when it speaks no HTTP", async () => {
    await replaceWorker((incoming) => incoming.socket.end("nonsense\r\n\r\n"));

    const answer = await askJson(door.port, `${WORKER}/pipeline`);

    expect(answer).toMatchObject({ status: 503, body: { code: "worker_unavailable" } });
  });

  it("is a problem when it announces more than the limit", async () => {
    await replaceWorker((_, outgoing) => {
      outgoing.writeHead(200, { "content-length": String(PROXY_ANSWER_BYTES_MAX + 1) });
      outgoing.flushHeaders();
    });

    const answer = await askJson(door.port, `${WORKER}/pipeline`);

    expect(answer).toMatchObject({ status: 503, body: { code: "worker_unavailable" } });
  });

  it("cuts the connection to the client when it breaks off, so that half an answer is seen as one", async () => {
    await replaceWorker((_, outgoing) => {
      outgoing.write("half");
      setImmediate(() => outgoing.destroy());
    });

    const answer = ask(door.port, `${WORKER}/pipeline`);

    await expect(answer).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(door.records).toContainEqual(expect.objectContaining({ message: "admin.answer-cut" }));
  });

  it("cuts the connection when it streams more than the limit", async () => {
    await replaceWorker((_, outgoing) => {
      const piece = Buffer.alloc(1_048_576);
      const more = (): void => void (outgoing.destroyed || outgoing.write(piece, more));
      more();
    });

    const answer = ask(door.port, `${WORKER}/pipeline`);

    await expect(answer).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});
