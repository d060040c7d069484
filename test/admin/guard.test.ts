import { connect } from "node:net";
import { once } from "node:events";
import { request } from "node:http";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startAdminServer } from "../../src/admin/admin-server.ts";
import { hashToken } from "../../src/core/http/bearer-token.ts";
import { ask, askRaw, BEARER, type Door, openDoor, standInWorker, TOKEN } from "./door.ts";
import { idleDeps } from "./route-calls.ts";

let door: Door;

beforeAll(async () => {
  door = await openDoor();
});

afterAll(() => door[Symbol.asyncDispose]());

const AUTHORISED = `authorization: Bearer ${TOKEN}\r\n`;

function problemOf(answer: string): { status: string; code: unknown } {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  return { status: head.split(" ")[1] ?? "", code: (JSON.parse(body) as { code: unknown }).code };
}

describe("the Host header", () => {
  it.each(["127.0.0.1:P", "localhost:P", "LOCALHOST:P", "[::1]:P"])("%s is let in", async (host) => {
    const answer = await ask(door.port, "/api/ping", {
      headers: { ...BEARER, host: host.replace("P", String(door.port)) },
    });

    expect(answer.status).toBe(200);
  });

  it.each([
    "evil.example:P",
    "127.evil.example:P",
    "127.0.0.1.nip.io:P",
    "localhost.evil.example:P",
    "rebind.localtest.me:P",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:80",
    "127.0.0.1:P.",
    "127.0.0.1.:P",
    "localhost.:P",
    "2130706433:P",
    "0x7f.1:P",
    "0x7f000001:P",
    "0177.0.0.1:P",
    "127.1:P",
    "127.0.1:P",
    "0.0.0.0:P",
    "127.0.0.2:P",
    "[::]:P",
    "[::ffff:127.0.0.1]:P",
    "[0:0:0:0:0:0:0:1]:P",
    "user@127.0.0.1:P",
    "127.0.0.1:P@evil.example",
    "127.0.0.1:P/x",
    "127.0.0.1:P, evil.example",
    "127.0.0.1 :P",
    "１２７.0.0.1:P",
    "null",
    "*",
  ])("%s is refused, even with the token", async (host) => {
    const value = host.replace("P", String(door.port));

    const answer = await askRaw(door.port, `GET /api/ping HTTP/1.1\r\nhost: ${value}\r\n${AUTHORISED}\r\n`);

    expect(problemOf(answer)).toEqual({ status: "403", code: "forbidden_host" });
  });

  it.each([
    ["missing", ""],
    ["empty", "host:\r\n"],
    ["blank", "host:  \r\n"],
    ["given twice alike", "host: 127.0.0.1:P\r\nHost: 127.0.0.1:P\r\n"],
    ["given twice, the good one first", "host: 127.0.0.1:P\r\nhost: evil.example\r\n"],
    ["given twice, the bad one first", "host: evil.example\r\nhost: 127.0.0.1:P\r\n"],
  ])("%s is refused", async (_, header) => {
    const hosts = header.replaceAll("P", String(door.port));

    const answer = await askRaw(door.port, `GET /api/ping HTTP/1.1\r\n${hosts}${AUTHORISED}\r\n`);

    expect(problemOf(answer)).toEqual({ status: "403", code: "forbidden_host" });
  });

  it("is checked on public addresses too, and in HTTP/1.0", async () => {
    const live = await askRaw(door.port, "GET /livez HTTP/1.1\r\nhost: evil.example\r\n\r\n");
    const old = await askRaw(door.port, `GET /api/ping HTTP/1.0\r\n${AUTHORISED}\r\n`);

    expect([problemOf(live).status, problemOf(old).status]).toEqual(["403", "403"]);
  });

  it("is not replaced by a whole address in the request line", async () => {
    const own = `127.0.0.1:${door.port}`;

    const foreign = await askRaw(
      door.port,
      `GET http://${own}/api/ping HTTP/1.1\r\nhost: evil.example\r\n${AUTHORISED}\r\n`,
    );
    const listed = await askRaw(
      door.port,
      `GET http://evil.example/api/ping HTTP/1.1\r\nhost: ${own}\r\n${AUTHORISED}\r\n`,
    );

    expect(problemOf(foreign)).toEqual({ status: "403", code: "forbidden_host" });
    expect(problemOf(listed)).toEqual({ status: "400", code: "bad_request" });
  });
});

describe("requests from web pages", () => {
  it.each([
    ["origin", "http://127.0.0.1:P"],
    ["origin", "http://localhost:P"],
    ["sec-fetch-site", "same-origin"],
    ["sec-fetch-site", "none"],
  ])("with %s: %s are let in", async (name, value) => {
    const headers = { ...BEARER, [name]: value.replace("P", String(door.port)) };

    const answer = await ask(door.port, "/api/ping", { headers });

    expect(answer.status).toBe(200);
  });

  it.each([
    ["origin", "http://evil.example"],
    ["origin", "https://127.0.0.1:P"],
    ["origin", "http://127.0.0.1"],
    ["origin", "http://127.0.0.1:1"],
    ["origin", "http://127.1:P"],
    ["origin", "http://2130706433:P"],
    ["origin", "http://localhost:P.evil.example"],
    ["origin", "HTTP://127.0.0.1:P"],
    ["origin", "null"],
    ["origin", "file://"],
    ["origin", ""],
    ["sec-fetch-site", "cross-site"],
    ["sec-fetch-site", "same-site"],
    ["sec-fetch-site", ""],
  ])("with %s: %j are refused, even with the token, on every kind of address", async (name, value) => {
    const headers = { ...BEARER, [name]: value.replace("P", String(door.port)) };

    const guarded = await ask(door.port, "/api/ping", { headers });
    const open = await ask(door.port, "/livez", { headers });
    const unknown = await ask(door.port, "/nothing", { headers });

    expect([guarded.status, open.status, unknown.status]).toEqual([403, 403, 403]);
    expect(JSON.parse(guarded.text)).toMatchObject({ code: "forbidden_host" });
  });

  it("get no CORS permission, not even for a preflight, and may not frame anything", async () => {
    const headers = { origin: `http://127.0.0.1:${door.port}`, "access-control-request-method": "POST" };

    const preflight = await ask(door.port, "/api/repos", { method: "OPTIONS", headers });
    const answer = await ask(door.port, "/api/ping");

    expect(preflight.status).toBe(401);
    for (const each of [preflight, answer]) {
      expect(Object.keys(each.headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
      expect(each.headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    }
    expect(answer.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
  });
});

describe("the token", () => {
  it.each([
    "",
    "Bearer",
    "Bearer ",
    `bearer ${TOKEN}`,
    `Bearer  ${TOKEN}`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN},${TOKEN}`,
    `Basic ${Buffer.from(`x:${TOKEN}`).toString("base64")}`,
    TOKEN,
  ])("is not accepted as %j", async (authorization) => {
    const answer = await ask(door.port, "/api/ping", { headers: { authorization } });

    expect(answer.status).toBe(401);
  });

  it("is not accepted in the query", async () => {
    const answer = await ask(door.port, `/api/ping?token=${TOKEN}&access_token=${TOKEN}`, { headers: {} });

    expect(answer.status).toBe(401);
  });

  it("counts from the next request on when it is replaced", async () => {
    let accepted = TOKEN;
    await using own = await openDoor({ tokenHashes: () => [hashToken(accepted)] });
    const before = await ask(own.port, "/api/ping");
    accepted = "another-token";

    const after = await ask(own.port, "/api/ping");

    expect([before.status, after.status]).toEqual([200, 401]);
  });

  it.each([
    "//livez/../api/ping",
    "/livez/..%2fapi/ping",
    "/livez%2f..%2fapi%2fping",
    "/%2e%2e/api/ping",
    "/./api/ping",
    "//api//ping",
    "/livez;/api/ping",
  ])("is needed at %s too", async (path) => {
    const answer = await ask(door.port, path, { headers: {} });

    expect(answer.status).toBe(401);
  });
});

describe("what is no proper HTTP", () => {
  it.each([
    ["text", "hello\r\n\r\n", "400", "bad_request"],
    ["a JSON line of the other door", '{"action":"list_repos"}\n\r\n', "400", "bad_request"],
    ["a head over the limit", `GET / HTTP/1.1\r\nhost: x\r\nx: ${"a".repeat(20_000)}\r\n\r\n`, "413", "too_large"],
  ])("%s is refused with a problem and the connection ends", async (_, bytes, status, code) => {
    const answer = await askRaw(door.port, bytes);

    expect(problemOf(answer)).toEqual({ status, code });
  });

  it("a backslash in the path is refused with a problem", async () => {
    const head = `GET /api\\ping HTTP/1.1\r\nhost: 127.0.0.1:${door.port}\r\nconnection: close\r\n`;

    const answer = await askRaw(door.port, `${head}${AUTHORISED}\r\n`);

    expect(problemOf(answer)).toEqual({ status: "400", code: "bad_request" });
  });
});

describe("the door's socket", () => {
  it("refuses a port that is taken, with a code and an exit code", async () => {
    await using taken = await standInWorker((_, outgoing) => outgoing.end());
    const deps = { ...idleDeps(), port: taken.port };

    const starting = startAdminServer(deps, new AbortController().signal);

    await expect(starting).rejects.toMatchObject({ code: "PORT_IN_USE", exitCode: 75 });
  });

  it("lets an answer in flight finish when it closes, then takes no more connections", async () => {
    const asked = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    await using own = await openDoor();
    own.control.start = async (slug) => {
      asked.resolve(undefined);
      await release.promise;
      return own.control.status(slug);
    };
    own.control.put("acme-web", "running");
    const inFlight = ask(own.port, "/api/repos/acme-web/start", {
      method: "POST",
      headers: { ...BEARER, connection: "keep-alive" },
    });
    await asked.promise;

    const closed = own.close();
    release.resolve(undefined);

    expect((await inFlight).status).toBe(200);
    await closed;
    const late = request({ host: "127.0.0.1", port: own.port });
    late.end();
    const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
  });

  it("closes although a client keeps an idle connection open", async () => {
    await using own = await openDoor();
    const socket = connect(own.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(`GET /livez HTTP/1.1\r\nhost: 127.0.0.1:${own.port}\r\n\r\n`);
    await once(socket, "data");
    const ended = once(socket.resume(), "close");

    await own.close();

    await ended;
    expect(socket.destroyed).toBe(true);
  });
});
