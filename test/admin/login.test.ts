import { Script } from "node:vm";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  LOGIN_CODE_MS,
  LOGIN_CODES_MAX,
  SESSION_IDLE_MS,
  SESSIONS_MAX,
} from "../../src/admin/browser/browser-sessions.ts";
import { SCRIPT } from "../../src/admin/dashboard/script.ts";
import { hashToken } from "../../src/core/http/bearer-token.ts";
import { type Answer, ask, askJson, BEARER, type Door, openDoor, TOKEN } from "./door.ts";

let door: Door;
let nowMs: number;
let accepted: string[];

beforeEach(async () => {
  nowMs = 0;
  accepted = [hashToken(TOKEN)];
  door = await openDoor({
    tokenHashes: () => accepted,
    clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs, sleep: () => Promise.resolve() },
  });
  door.control.put("acme-web", "running");
});

afterEach(() => door[Symbol.asyncDispose]());

async function askForCode(): Promise<{ code: string; url: string; expires_in_s: number }> {
  const { status, body } = await askJson(door.port, "/api/login-codes", { method: "POST" });
  expect(status).toBe(201);
  return body as Awaited<ReturnType<typeof askForCode>>;
}

function logIn(code: string, method = "GET"): Promise<Answer> {
  return ask(door.port, `/login?code=${code}`, { method, headers: {} });
}

async function openSession(): Promise<string> {
  const { headers } = await logIn((await askForCode()).code);
  return headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}

function statusWith(cookie: string): Promise<number> {
  return ask(door.port, "/api/repos", { headers: { cookie } }).then(({ status }) => status);
}

describe("logging in", () => {
  it("by the link sets a strict cookie and leads to the dashboard", async () => {
    const { code, url, expires_in_s } = await askForCode();

    const answer = await logIn(code);

    expect(url).toBe(`http://127.0.0.1:${door.port}/login?code=${code}`);
    expect(expires_in_s).toBe(60);
    expect([answer.status, answer.headers.location]).toEqual([303, "/"]);
    const cookie = answer.headers["set-cookie"]?.[0] ?? "";
    expect(cookie).toMatch(/^hydraflow_session_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
  });

  it("works once", async () => {
    const { code } = await askForCode();
    await logIn(code);

    const again = await logIn(code);

    expect(again.status).toBe(401);
    expect(again.headers["set-cookie"]).toBeUndefined();
  });

  it("works until the code is too old", async () => {
    const early = await askForCode();
    const late = await askForCode();
    nowMs = LOGIN_CODE_MS - 1;
    const inTime = await logIn(early.code);
    nowMs = LOGIN_CODE_MS;

    const tooLate = await logIn(late.code);

    expect([inTime.status, tooLate.status]).toEqual([303, 401]);
  });

  it("is not used up by a HEAD request", async () => {
    const { code } = await askForCode();
    const head = await logIn(code, "HEAD");

    const answer = await logIn(code);

    expect([head.status, head.headers["set-cookie"], answer.status]).toEqual([204, undefined, 303]);
  });

  it.each(["", "x", "%00", "a".repeat(200)])("does not work with the code %j", async (code) => {
    const answer = await logIn(code);

    expect([400, 401]).toContain(answer.status);
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  it("keeps a bounded number of codes, the newest", async () => {
    const codes: string[] = [];
    for (let count = 0; count <= LOGIN_CODES_MAX; count += 1) codes.push((await askForCode()).code);

    const oldest = await logIn(codes[0] ?? "");
    const next = await logIn(codes[1] ?? "");

    expect([oldest.status, next.status]).toEqual([401, 303]);
  });

  it("needs the token itself: a session gives no new codes, whatever else it sends", async () => {
    const cookie = await openSession();

    const statuses = [];
    for (const extra of [{}, { authorization: "Bearer wrong" }]) {
      const headers = { cookie, "x-hydraflow": "1", ...extra };
      statuses.push((await ask(door.port, "/api/login-codes", { method: "POST", headers })).status);
    }

    expect(statuses).toEqual([401, 401]);
  });
});

describe("a session", () => {
  it("may read, and may change things only with the header that a page must set", async () => {
    const cookie = await openSession();
    const start = { method: "POST", headers: { cookie } };

    const read = await statusWith(cookie);
    const bare = await ask(door.port, "/api/repos/acme-web/start", start);
    const marked = await ask(door.port, "/api/repos/acme-web/start", {
      ...start,
      headers: { cookie, "x-hydraflow": "1" },
    });

    expect([read, bare.status, marked.status]).toEqual([200, 401, 200]);
  });

  it("is refused to other web pages", async () => {
    const headers = { cookie: await openSession(), "x-hydraflow": "1", "sec-fetch-site": "same-site" };

    const answer = await ask(door.port, "/api/repos", { headers });

    expect(answer.status).toBe(403);
  });

  it("ends after the idle time, and each use starts that time anew", async () => {
    const cookie = await openSession();
    nowMs = SESSION_IDLE_MS - 1;
    const used = await statusWith(cookie);
    nowMs += SESSION_IDLE_MS - 1;
    const usedAgain = await statusWith(cookie);
    nowMs += SESSION_IDLE_MS;

    const idle = await statusWith(cookie);

    expect([used, usedAgain, idle]).toEqual([200, 200, 401]);
  });

  it("ends with the token that it was opened with", async () => {
    const cookie = await openSession();
    accepted = [hashToken("another")];
    const replaced = await statusWith(cookie);
    accepted = [hashToken("another"), hashToken(TOKEN)];

    const restored = await statusWith(cookie);

    expect([replaced, restored]).toEqual([401, 401]);
  });

  it("is one of a bounded number; the one unused for longest ends first", async () => {
    const first = await openSession();
    const second = await openSession();
    for (let count = 2; count < SESSIONS_MAX; count += 1) await openSession();
    await statusWith(first);
    await openSession();

    expect([await statusWith(first), await statusWith(second)]).toEqual([200, 401]);
  });

  it.each(["", "x", "../..", "__proto__"])("does not exist for the cookie %j", async (value) => {
    const status = await statusWith(`hydraflow_session_${door.port}=${value}`);

    expect(status).toBe(401);
  });
});

describe("the page", () => {
  it("says how to log in when there is no session, whatever token is sent", async () => {
    const answer = await ask(door.port, "/", { headers: BEARER });

    expect(answer.status).toBe(401);
    expect(answer.text).toContain(`curl -X POST http://127.0.0.1:${door.port}/api/login-codes`);
    expect(answer.text).not.toContain(door.directory);
    expect(answer.headers["content-security-policy"]).toContain("script-src 'none'");
  });

  it("is shown in a session, loads nothing from elsewhere and holds no data", async () => {
    const answer = await ask(door.port, "/", { headers: { cookie: await openSession() } });

    expect(answer.status).toBe(200);
    expect(answer.text).toContain("<title>HydraFlow</title>");
    expect(answer.text).not.toContain("acme-web");
    expect(answer.text).not.toMatch(/(?:src|href)="(?!data:|\/")/);
    const policy = answer.headers["content-security-policy"];
    expect(policy).toMatch(/default-src 'none'.*script-src 'sha256-[^']+'.*frame-ancestors 'none'/);
    expect(policy).not.toContain("unsafe");
  });

  it.each(["/?repo=acme-web", "/login?code=x"])(
    "is led to the one host name that holds sessions at %s",
    async (path) => {
      const answer = await ask(door.port, path, { headers: { host: `localhost:${door.port}` } });

      expect([answer.status, answer.headers.location]).toEqual([302, `http://127.0.0.1:${door.port}${path}`]);
    },
  );

  it("has a script that is valid and writes data as text only", () => {
    const compiled = new Script(SCRIPT);

    expect(compiled).toBeInstanceOf(Script);
    expect(SCRIPT).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|<\/script/);
  });
});
