// Answers by script, byte by byte, as no forge does.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../../src/core/base/clock.ts";
import { z } from "../../../src/core/base/schema.ts";
import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import { fixedCredential } from "../../../src/worker/github/port/credential.ts";
import { Requests, type RequestsOptions } from "../../../src/worker/github/transport/requests.ts";
import { failureOf, valueOf } from "../git/git-fixture.ts";

const signal = new AbortController().signal;
const TOKEN = "a-token-that-nobody-may-see";
const numbers = z.array(z.int());

describe("Requests", () => {
  let server: Server;
  let url: string;
  let seen: IncomingMessage[];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;

  beforeEach(async () => {
    seen = [];
    server = createServer((request, response) => {
      seen.push(request);
      answer(request, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  function requests(limits: RequestsOptions["limits"] = {}, more: Partial<RequestsOptions> = {}): Requests {
    const repository = { owner: "acme", name: "web", fullName: "acme/web" };
    return new Requests({
      apiUrl: url,
      repository,
      credential: fixedCredential(TOKEN),
      userAgent: "hydraflow-test",
      clock: systemClock,
      onFailure: () => undefined,
      limits: { repeatDelayMs: 1, ...limits },
      ...more,
    });
  }

  it("sends the ETag it has seen, and takes 304 for the answer", async () => {
    answer = (request, response) => {
      if (request.headers["if-none-match"] === '"one"')
        response
          .writeHead(304, { "x-ratelimit-limit": "10", "x-ratelimit-remaining": "9", "x-ratelimit-reset": "1" })
          .end();
      else json(response, [1, 2], { etag: '"one"' });
    };
    const subject = requests();

    const answers = [1, 2, 3].map(() => subject.ask({ route: "GET /numbers", answer: numbers }, signal));

    for (const asked of answers) expect(valueOf(await asked)).toEqual([1, 2]);
    expect(valueOf(await subject.ask({ route: "GET /numbers", answer: numbers }, signal))).toEqual([1, 2]);
    expect(seen.at(-1)?.headers["if-none-match"]).toBe('"one"');
    expect(subject.budget.limit?.remaining).toBe(9);
  });

  it("keeps the ETag header through a repeated try", async () => {
    answer = (request, response) => {
      if (seen.length === 1) json(response, [1], { etag: '"one"' });
      else if (seen.length === 2) response.writeHead(500).end();
      else response.writeHead(request.headers["if-none-match"] === '"one"' ? 304 : 418).end();
    };
    const subject = requests();
    valueOf(await subject.ask({ route: "GET /numbers", answer: numbers }, signal));

    expect(valueOf(await subject.ask({ route: "GET /numbers", answer: numbers }, signal))).toEqual([1]);
    expect(seen.length).toBe(3);
  });

  it("follows next pages, and takes none to another host, however it is named", async () => {
    answer = (request, response) => {
      const next = request.url?.includes("page=2") ? "http://127.0.0.1:9/steal" : `${url}/numbers?page=2`;
      json(response, [seen.length], { link: `<${next}>; rel="next", <${url}/x>; rel="last"` });
    };

    const failure = failureOf(await requests().askAll({ route: "GET /numbers", answer: numbers }, signal));

    expect(failure.kind).toBe("unreachable");
    expect(failure.message).toContain("not the configured API");
    expect(seen.map((request) => request.url)).toEqual(["/numbers?per_page=100", "/numbers?page=2"]);
  });

  it("gives up an answer that does not come, and asks again where that is safe", async () => {
    answer = () => undefined;

    const read = failureOf(
      await requests({ requestTimeoutMs: 1_000 }).ask({ route: "GET /numbers", answer: numbers }, signal),
    );
    const reads = seen.length;
    const write = failureOf(
      await requests({ requestTimeoutMs: 1_000 }).ask({ route: "POST /numbers", answer: numbers }, signal),
    );

    expect([read, write]).toMatchObject([
      { kind: "unreachable", status: 0, retryable: true },
      { kind: "unreachable", retryable: true },
    ]);
    expect([reads, seen.length - reads]).toEqual([3, 1]);
  });

  it("refuses an answer over the limit, and one that is not as described", async () => {
    answer = (request, response) =>
      json(response, request.url?.startsWith("/large") ? Array.from({ length: 1_000 }, () => 1) : { no: "list" });

    const large = failureOf(
      await requests({ answerBytesMax: 100 }).ask({ route: "GET /large", answer: numbers }, signal),
    );
    const strange = failureOf(await requests().ask({ route: "GET /strange", answer: numbers }, signal));

    expect([large, strange]).toMatchObject([
      { kind: "unreachable", retryable: true, message: expect.stringContaining("more than 100 bytes") },
      { kind: "server", retryable: true },
    ]);
  });

  const list = JSON.stringify([1, 2, 3]);
  const half = list.slice(0, 4);
  const type = { "content-type": "application/json" };

  it.each([
    [
      "breaks off",
      (sent: ServerResponse) => sent.writeHead(200, { ...type, "content-length": 7 }).write(half, () => sent.destroy()),
    ],
    [
      "breaks off between chunks",
      (sent: ServerResponse) => sent.writeHead(200, type).write(half, () => sent.destroy()),
    ],
    ["was cut and sent as a whole", (sent: ServerResponse) => sent.writeHead(200, type).end(half)],
    [
      "was cut when packed",
      (sent: ServerResponse) =>
        sent.writeHead(200, { ...type, "content-encoding": "gzip" }).end(gzipSync(list).subarray(0, 15)),
    ],
  ])("takes an answer that %s for none, and asks again where that is safe", async (_name, cut) => {
    const asked = new Map<string, number>();
    answer = ({ method = "" }, response) => {
      asked.set(method, (asked.get(method) ?? 0) + 1);
      if (asked.get(method) === 1) cut(response);
      else json(response, [1, 2, 3]);
    };

    expect(valueOf(await requests().askAll({ route: "GET /numbers", answer: numbers }, signal))).toEqual([1, 2, 3]);
    for (const route of ["POST /numbers", "PUT /numbers"]) {
      const write = failureOf(await requests().ask({ route, answer: numbers }, signal));
      expect(write).toMatchObject({ kind: "unreachable", status: 0, retryable: true });
    }
    const repeatable = { route: "DELETE /numbers", answer: numbers, repeatable: true };
    expect(valueOf(await requests().ask(repeatable, signal))).toEqual([1, 2, 3]);
    expect([...asked]).toEqual([
      ["GET", 2],
      ["POST", 1],
      ["PUT", 1],
      ["DELETE", 2],
    ]);
  });

  it("takes its own word that GitHub is to be left alone for no reason to wait longer", async () => {
    const limited = { ...type, "retry-after": "1" };
    answer = (_request, response) => response.writeHead(429, limited).end('{"message":"Too many requests"}');
    const events: WorkerEvent[] = [];
    let isPaused = false;
    let looks = 0;
    // The wait is over between the look at it before a request and the one after.
    const now = () => new Date(isPaused && looks++ > 0 ? 5_000 : 0);
    const clock = { ...systemClock, now, monotonicMs: () => 0 };
    const asking = requests({}, { clock, onFailure: (event) => events.push(event) });

    await asking.ask({ route: "GET /numbers", answer: numbers }, signal);
    isPaused = true;
    const failure = failureOf(await asking.ask({ route: "GET /numbers", answer: numbers }, signal));

    expect(failure).toMatchObject({ kind: "rate-limited", retryAt: new Date(5_000) });
    expect(seen).toHaveLength(1);
    expect(events.filter((event) => event.type === "github.paused")).toHaveLength(1);
  });

  it("reads packed answers, and counts their bytes unpacked", async () => {
    answer = (_request, response) =>
      response
        .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
        .end(gzipSync(JSON.stringify(Array.from({ length: 1_000 }, () => 1))));

    const whole = valueOf(await requests().ask({ route: "GET /packed", answer: numbers }, signal));
    const bomb = failureOf(
      await requests({ answerBytesMax: 1_000 }).ask({ route: "GET /packed", answer: numbers }, signal),
    );

    expect(whole).toHaveLength(1_000);
    expect(seen[0]?.headers["accept-encoding"]).toBe("gzip");
    expect(bomb.message).toContain("more than 1000 bytes");
  });

  it("follows a moved repository with the same method and body, and no redirect to another host", async () => {
    const bodies: string[] = [];
    answer = (request, response) => {
      const location = request.url === "/stolen" ? "http://127.0.0.1:9/steal" : "/new";
      if (request.url !== "/new") response.writeHead(307, { location }).end();
      else void request.toArray().then((chunks) => json(response, [bodies.push(Buffer.concat(chunks).toString())]));
    };

    const moved = valueOf(
      await requests().ask({ route: "POST /old", parameters: { title: "One" }, answer: numbers }, signal),
    );
    const stolen = failureOf(await requests().ask({ route: "GET /stolen", answer: numbers }, signal));

    expect(moved).toEqual([1]);
    expect(bodies).toEqual(['{"title":"One"}']);
    expect(seen.slice(0, 2).map(({ method, url: path }) => `${method} ${path}`)).toEqual(["POST /old", "POST /new"]);
    expect(stolen.message).toContain("not the configured API");
  });

  it("gives up a server that redirects for ever", async () => {
    answer = (_request, response) => response.writeHead(302, { location: "/again" }).end();

    const failure = failureOf(await requests().ask({ route: "POST /again", answer: numbers }, signal));

    expect(failure.kind).toBe("server");
    expect(seen).toHaveLength(6);
  });

  it("asks over one connection as long as it is kept open", async () => {
    const ports = new Set<number | undefined>();
    answer = (request, response) => {
      ports.add(request.socket.remotePort);
      if (request.method === "DELETE") response.writeHead(204).end();
      else json(response, [1]);
    };
    const asked = requests();

    for (const route of ["GET /a", "DELETE /b", "GET /c"]) await asked.ask({ route, answer: z.any() }, signal);

    expect(seen).toHaveLength(3);
    expect(ports.size).toBe(1);
  });

  it("shows no credential to a server that does not speak TLS where it should", async () => {
    answer = (_request, response) => json(response, [1]);

    const asked = requests({}, { apiUrl: url.replace("http:", "https:") });
    const failure = failureOf(await asked.ask({ route: "POST /numbers", answer: numbers }, signal));

    expect(failure.kind).toBe("unreachable");
    expect(seen).toEqual([]);
  });

  it("takes the token out of what a server echoes", async () => {
    answer = (request, response) =>
      response.writeHead(400, { "content-type": "text/html" }).end(`<p>${request.headers.authorization}</p>`);

    const failure = failureOf(await requests().ask({ route: "GET /numbers", answer: numbers }, signal));

    expect(seen[0]?.headers.authorization).toContain(TOKEN);
    expect(failure.kind).toBe("invalid");
    expect(failure.message).not.toContain(TOKEN);
  });

  it("fails the whole listing when a later page fails", async () => {
    answer = (request, response) => {
      if (request.url?.includes("page=2"))
        response.writeHead(404, { "content-type": "application/json" }).end('{"message":"gone"}');
      else json(response, [1], { link: `<${url}/numbers?page=2>; rel="next"` });
    };

    expect(failureOf(await requests().askAll({ route: "GET /numbers", answer: numbers }, signal)).kind).toBe(
      "not-found",
    );
  });

  it.each([304, 401, 403, 404, 409, 422, 429])(
    "asks once where another try cannot change the answer %i",
    async (status) => {
      answer = (_request, response) => response.writeHead(status).end();

      failureOf(await requests().ask({ route: "GET /numbers", answer: numbers }, signal));

      expect(seen.length).toBe(1);
    },
  );

  it("keeps writes apart at GitHub's pace, and never sends one that was stopped while it waited", async () => {
    answer = (_request, response) => json(response, []);
    const subject = requests({}, { pacing: "github" });
    const stop = new AbortController();
    const first = subject.ask({ route: "PATCH /first", answer: numbers }, signal);
    const second = subject.ask({ route: "PATCH /second", answer: numbers }, stop.signal);
    valueOf(await first);
    stop.abort(new Error("stopping"));
    await expect(second).rejects.toThrow("stopping");

    valueOf(await subject.ask({ route: "PATCH /third", answer: numbers }, signal));

    expect(seen.map((request) => request.url)).toEqual(["/first", "/third"]);
  });
});

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}
