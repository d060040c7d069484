import { Hono } from "hono";
import { describe, expect, it } from "vitest";

import { hashToken, newToken } from "../../../src/core/http/bearer-token.ts";
import { BODY_BYTES_MAX, httpGuard } from "../../../src/core/http/http-guard.ts";

const PORT = 8766;
const HOST = `127.0.0.1:${PORT}`;
const TOKEN = newToken();

interface Given {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly session?: boolean;
}

/** The answer, and whether the handler behind the guard ran. */
async function send({
  method = "GET",
  path = "/api/repos",
  headers = {},
  body,
  session = false,
}: Given): Promise<{ status: number; code: string | undefined; ran: boolean; response: Response }> {
  let ran = false;
  const app = new Hono();
  app.use(
    httpGuard({
      port: () => PORT,
      acceptedTokenHashes: () => [hashToken(TOKEN)],
      publicPaths: new Set(["/livez"]),
      hasSession: () => session,
    }),
  );
  app.all("*", (context) => {
    ran = true;
    return context.json({ ok: true });
  });
  const response = await app.request(path, {
    method,
    headers: { host: HOST, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const { code } = (await response
    .clone()
    .json()
    .catch(() => ({}))) as { code?: string };
  return { status: response.status, code, ran, response };
}

const bearer = { authorization: `Bearer ${TOKEN}` };

describe("the guard lets through", () => {
  it.each([`127.0.0.1:${PORT}`, `localhost:${PORT}`, `[::1]:${PORT}`, `LOCALHOST:${PORT}`])(
    "the host %s with the token",
    async (host) => {
      expect(await send({ headers: { ...bearer, host } })).toMatchObject({ status: 200, ran: true });
    },
  );

  it.each([`http://127.0.0.1:${PORT}`, `http://localhost:${PORT}`, `http://[::1]:${PORT}`])(
    "the own origin %s",
    async (origin) => {
      expect(await send({ headers: { ...bearer, origin, "sec-fetch-site": "same-origin" } })).toMatchObject({
        status: 200,
        ran: true,
      });
    },
  );

  it("public paths without a token, and nothing beside them", async () => {
    expect(await send({ path: "/livez" })).toMatchObject({ status: 200, ran: true });
    for (const path of ["/livez/", "/livez/x", "/LIVEZ", "/%6civez/..", "/api/livez"])
      expect(await send({ path }), path).toMatchObject({ status: 401, ran: false });
  });

  it("a session for reading, and for writing only with the header that a page must set", async () => {
    expect(await send({ session: true })).toMatchObject({ status: 200 });
    expect(await send({ session: true, method: "POST" })).toMatchObject({ status: 401, ran: false });
    expect(await send({ session: true, method: "POST", headers: { "x-hydraflow": "1" } })).toMatchObject({
      status: 200,
    });
  });

  it("a body that is JSON, and no other", async () => {
    const post = (type: string) =>
      send({ method: "POST", headers: { ...bearer, "content-type": type, "content-length": "2" }, body: "{}" });

    expect(await post("application/json")).toMatchObject({ status: 200 });
    expect(await post("Application/JSON; charset=utf-8")).toMatchObject({ status: 200 });
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/jsonp",
      "text/json",
    ]) {
      expect(await post(type), type).toMatchObject({ status: 415, code: "unsupported_type", ran: false });
    }
  });
});

describe("the guard refuses", () => {
  const hosts = [
    "",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:80",
    `127.0.0.2:${PORT}`,
    `2130706433:${PORT}`,
    `0x7f.1:${PORT}`,
    `127.1:${PORT}`,
    `0.0.0.0:${PORT}`,
    `localhost.:${PORT}`,
    `evil.example:${PORT}`,
    `127.0.0.1.nip.io:${PORT}`,
    `localhost:${PORT}@evil`,
    `localhost:${PORT}, evil`,
    `[::ffff:127.0.0.1]:${PORT}`,
    ` localhost:${PORT}x`,
  ];

  it.each(hosts)("the host %j, whatever else is right", async (host) => {
    expect(await send({ headers: { ...bearer, host } })).toMatchObject({
      status: 403,
      code: "forbidden_host",
      ran: false,
    });
    expect(await send({ path: "/livez", headers: { host } })).toMatchObject({ status: 403, ran: false });
  });

  it.each([
    "null",
    "https://evil.example",
    `https://127.0.0.1:${PORT}`,
    "http://127.0.0.1",
    `http://127.0.0.1:${PORT}/`,
    `http://evil.example:${PORT}`,
    `http://localhost:${PORT}.evil`,
    "file://",
    "",
  ])("the origin %j", async (origin) => {
    expect(await send({ headers: { ...bearer, origin } })).toMatchObject({ status: 403, ran: false });
  });

  it.each(["cross-site", "same-site", "", "None"])("a fetch from %j", async (site) => {
    expect(await send({ headers: { ...bearer, "sec-fetch-site": site } })).toMatchObject({ status: 403, ran: false });
  });

  it.each([
    "",
    "Bearer",
    "Bearer ",
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${hashToken(TOKEN)}`,
    `Basic ${TOKEN}`,
    TOKEN,
    `bearer ${TOKEN}`,
    `Bearer  ${TOKEN}`,
    `Bearer ${"x".repeat(5_000)}`,
    `Bearer ${TOKEN}, Bearer ${TOKEN}`,
  ])("the authorization %j", async (authorization) => {
    const refused = await send({ headers: { authorization } });

    expect(refused).toMatchObject({ status: 401, code: "unauthorized", ran: false });
    expect(refused.response.headers.get("www-authenticate")).toContain("Bearer");
  });

  it.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("%s without a token", async (method) => {
    expect(await send({ method })).toMatchObject({ status: 401, ran: false });
  });

  it("a body that says it is over the limit, and one in pieces that is not JSON", async () => {
    expect(
      await send({
        method: "POST",
        headers: { ...bearer, "content-type": "application/json", "content-length": String(BODY_BYTES_MAX + 1) },
        body: "{}",
      }),
    ).toMatchObject({ status: 413, code: "too_large", ran: false });
    expect(
      await send({ method: "POST", headers: { ...bearer, "transfer-encoding": "chunked" }, body: "{}" }),
    ).toMatchObject({ status: 415, ran: false });
  });

  it("with a problem document that names the rule and no secret", async () => {
    const { response } = await send({ headers: { authorization: "Bearer wrong-token-value" } });

    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({
      status: 401,
      code: "unauthorized",
      type: "urn:hydraflow:problem:unauthorized",
    });
    expect(
      JSON.stringify(await (await send({ headers: { authorization: "Bearer wrong-token-value" } })).response.json()),
    ).not.toContain("wrong-token-value");
  });
});
