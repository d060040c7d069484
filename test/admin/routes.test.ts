import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { CONTROL_CODES } from "../../src/core/messages/supervisor-control.ts";
import { ask, askJson, BEARER, type Door, json, openDoor, TOKEN } from "./door.ts";
import type { FakeControl } from "./fake-control.ts";
import { routeCalls } from "./route-calls.ts";
import { FakeDrain } from "../support/fake-drain.ts";

let door: Door;

beforeAll(async () => {
  door = await openDoor();
  door.control.put("acme-web", "running");
});

afterAll(() => door[Symbol.asyncDispose]());

const calls = routeCalls();
const guarded = calls.filter(({ access }) => access === "token");
const open = calls.filter(({ access }) => access === "public");

function concrete(path: string): string {
  return path.replace("{slug}", "acme-web").replace("{rest}", "pipeline");
}

describe("every route of the table", () => {
  it.each(guarded)("$method $path refuses a caller without a token", async ({ method, path }) => {
    const answer = await ask(door.port, concrete(path), { method, headers: {} });

    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="hydraflow"');
    expect(JSON.parse(answer.text)).toMatchObject({ code: "unauthorized", status: 401 });
  });

  it.each(guarded)("$method $path refuses a wrong token and does not repeat it", async ({ method, path }) => {
    const wrong = `${TOKEN}x`;

    const answer = await ask(door.port, concrete(path), { method, headers: { authorization: `Bearer ${wrong}` } });

    expect(answer.status).toBe(401);
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
  });

  it.each(guarded)("$method $path gets behind the guard with the token", async ({ method, path }) => {
    const answer = await ask(door.port, concrete(path), { method });

    expect([401, 403]).not.toContain(answer.status);
    expect(answer.text).not.toContain("nothing here");
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
  });

  it("only those without data are public", () => {
    expect(open.map(({ path }) => path)).toEqual(["/livez", "/readyz", "/login", "/"]);
  });
});

describe("health", () => {
  it("says that it lives and is ready, without a token and without data", async () => {
    const live = await ask(door.port, "/livez", { headers: {} });
    const ready = await ask(door.port, "/readyz", { headers: {} });

    expect([live.status, live.text]).toEqual([200, "ok\n"]);
    expect([ready.status, ready.text]).toEqual([200, "ready\n"]);
  });

  it("tells only holders of a token why it is not ready", async () => {
    await using unready = await openDoor({
      readiness: () => ({ ready: false, draining: false, problems: ["the disk is full"] }),
    });

    const ready = await ask(unready.port, "/readyz", { headers: {} });
    const ping = await askJson(unready.port, "/api/ping");

    expect([ready.status, ready.text]).toEqual([503, "not ready\n"]);
    expect(ping.body).toEqual({
      version: "1.2.3",
      boot_id: "boot",
      uptime_s: 7,
      ready: false,
      draining: false,
      problems: ["the disk is full"],
      hindered: [],
    });
  });

  it("counts the hindered repositories for everybody, and names them and their notice for holders of a token", async () => {
    await using own = await openDoor();
    own.control.put("acme-a", "running", undefined, "stalled: 1 issue has not moved");
    own.control.put("acme-b", "running");

    const ready = await ask(own.port, "/readyz", { headers: {} });
    const ping = await askJson(own.port, "/api/ping");

    expect([ready.status, ready.text]).toEqual([200, "ready, 1 hindered\n"]);
    expect(ping.body).toMatchObject({ hindered: [{ slug: "acme-a", notice: "stalled: 1 issue has not moved" }] });
  });
});

describe("repositories", () => {
  it("are listed, and the list follows a change", async () => {
    await using own = await openDoor();
    own.control.put("acme-a", "running");
    const before = await askJson(own.port, "/api/repos");
    own.control.put("acme-b", "stopped");

    const after = await askJson(own.port, "/api/repos");

    expect(before.body).toEqual({ repos: [expect.objectContaining({ slug: "acme-a" })] });
    expect(after.body).toEqual({
      repos: [expect.objectContaining({ slug: "acme-a" }), expect.objectContaining({ slug: "acme-b" })],
    });
  });

  it("are serialised once while nothing changes", async () => {
    await using own = await openDoor();
    let serialised = 0;
    const entry = { slug: "acme-a", toJSON: () => ({ serialised: (serialised += 1) }) };
    const entries = [entry] as unknown as ReturnType<FakeControl["list"]>;
    own.control.list = () => entries;

    await ask(own.port, "/api/repos");
    const second = await askJson(own.port, "/api/repos");

    expect(second.body).toEqual({ repos: [{ serialised: 1 }] });
  });

  it.each(["/api/repos/acme-web", "/api/repos/acme-web/status"])("one is shown at %s", async (path) => {
    const answer = await askJson(door.port, path);

    expect(answer).toMatchObject({ status: 200, body: { slug: "acme-web", state: "running" } });
  });

  it("an unknown one is a problem with a stable code", async () => {
    const answer = await ask(door.port, "/api/repos/acme-none");

    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(answer.text)).toEqual({
      type: "urn:hydraflow:problem:not_found",
      title: CONTROL_CODES.not_found.meaning,
      status: 404,
      detail: "no repository 'acme-none'",
      code: "not_found",
    });
  });

  it.each(["ACME-web", "..", "%2e%2e%2fetc", "a%00b", "-x", "a..b", "x".repeat(101)])(
    "a slug like %s is refused",
    async (slug) => {
      const answer = await ask(door.port, `/api/repos/${slug}/status`);

      expect([404, 422]).toContain(answer.status);
      expect(["invalid_slug", "not_found"]).toContain((JSON.parse(answer.text) as { code: string }).code);
    },
  );

  it("one is added and started", async () => {
    const answer = await ask(door.port, "/api/repos", json({ path: "/srv/new" }));

    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe("/api/repos/acme-new");
    expect(JSON.parse(answer.text)).toMatchObject({ slug: "acme-new", started: true });
    expect(door.control.calls).toContainEqual({ add: { path: "/srv/new" } });
  });

  it("adding one whose worker runs already is no creation", async () => {
    const answer = await askJson(door.port, "/api/repos", json({ path: "/running" }));

    expect(answer).toMatchObject({ status: 200, body: { started: false } });
  });

  it("one is only registered on request", async () => {
    const answer = await askJson(door.port, "/api/repos", json({ path: "/srv/new", start: false }));

    expect(answer).toEqual({ status: 201, body: { slug: "acme-new", path: "/srv/new" } });
    expect(door.control.calls).toContainEqual({ register: { path: "/srv/new" } });
  });

  it("a refusal of the daemon keeps its code and status", async () => {
    const answer = await askJson(door.port, "/api/repos", json({ path: "/nowhere" }));

    expect(answer).toMatchObject({ status: 404, body: { code: "path_not_found", detail: "there is no /nowhere" } });
  });

  it.each([
    ["", false],
    ["?force=false", false],
    ["?force=true", true],
  ])("one is removed with %j", async (query, force) => {
    const answer = await askJson(door.port, `/api/repos/acme-web${query}`, { method: "DELETE" });

    expect(answer).toEqual({ status: 200, body: { slug: "acme-web" } });
    expect(door.control.calls.at(-1)).toEqual({ remove: { slug: "acme-web", force } });
  });

  it.each(["start", "stop", "restart"])("one is told to %s", async (action) => {
    const answer = await askJson(door.port, `/api/repos/acme-web/${action}`, { method: "POST" });

    expect(answer).toMatchObject({ status: 200, body: { slug: "acme-web" } });
    expect(door.control.calls.at(-1)).toEqual({ [action]: "acme-web" });
  });
});

describe("a drain", () => {
  it("is begun with the time that the answer may wait, looked at, and taken back", async () => {
    const drain = new FakeDrain();
    await using own = await openDoor({ drain });

    const begun = await askJson(own.port, "/api/drain", json({ timeout_s: 90 }));
    const seen = await askJson(own.port, "/api/drain");
    const back = await askJson(own.port, "/api/drain", { method: "DELETE" });

    expect([begun.body, seen.body, back.body]).toMatchObject([
      { draining: true, drained: true },
      { draining: true, drained: true },
      { draining: false, drained: false },
    ]);
    expect(drain.asked).toEqual(["drain 90000", "undrain"]);
  });

  it("shows on /readyz and changes nothing else there", async () => {
    await using own = await openDoor({ readiness: () => ({ ready: true, draining: true, problems: ["no disk"] }) });

    const ready = await ask(own.port, "/readyz", { headers: {} });

    expect([ready.status, ready.text]).toEqual([200, "ready, degraded, draining\n"]);
  });
});

describe("what is not understood", () => {
  it.each([
    ["an unknown address", "/api/nothing", {}, [404, "not_found"]],
    ["an unknown method", "/api/ping", { method: "PUT" }, [404, "not_found"]],
    ["an unknown query parameter", "/api/ping?x=1", {}, [400, "bad_request"]],
    ["a query parameter given twice", "/api/repos/acme-web/logs?tail=1&tail=2", {}, [400, "bad_request"]],
    ["a value out of the list", "/api/repos/acme-web?force=maybe", { method: "DELETE" }, [400, "bad_request"]],
    ["an unknown field", "/api/repos", json({ path: "/a", extra: 1 }), [400, "bad_request"]],
    ["a field of a wrong type", "/api/repos", json({ path: 5 }), [400, "bad_request"]],
    ["a drain of more than a day", "/api/drain", json({ timeout_s: 86_401 }), [400, "bad_request"]],
    ["an array", "/api/repos", json([]), [400, "bad_request"]],
    ["broken JSON", "/api/repos", { ...json({}), body: "{" }, [400, "bad_request"]],
    ["a prototype key", "/api/repos", { ...json({}), body: '{"__proto__":{"path":"/a"}}' }, [400, "bad_request"]],
    ["deep nesting", "/api/repos", { ...json({}), body: `{"path":${"[".repeat(100)}` }, [400, "bad_request"]],
    [
      "a wrong content type",
      "/api/repos",
      { ...json({}), headers: { ...BEARER, "content-type": "text/plain" } },
      [415, "unsupported_type"],
    ],
    ["no content type", "/api/repos", { method: "POST", headers: BEARER, body: "{}" }, [415, "unsupported_type"]],
  ] as const)("%s is refused with a problem", async (_, path, options, [status, code]) => {
    const answer = await ask(door.port, path, options);

    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(answer.text)).toMatchObject({ code, status });
  });

  it("an exception costs a static problem, its text stays in the log", async () => {
    const answer = await ask(door.port, "/api/repos", json({ path: "/throws" }));

    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("secret detail");
    expect(JSON.parse(answer.text)).toMatchObject({ code: "internal" });
    expect(door.records).toContainEqual({
      level: "error",
      message: "admin.request-failed",
      fields: expect.objectContaining({ path: "/api/repos", error: "secret detail of the inside" }) as unknown,
    });
  });

  it("a body over the limit is refused while it streams", async () => {
    const chunks = Array.from({ length: 20 }, () => Buffer.alloc(65_536, " "));

    const answer = await askJson(door.port, "/api/repos", { ...json({}), body: chunks });

    expect(answer).toMatchObject({ status: 413, body: { code: "too_large" } });
  });

  it("a body that announces too much is refused at once", async () => {
    const headers = { ...BEARER, "content-type": "application/json", "content-length": "2000000" };

    const answer = await askJson(door.port, "/api/repos", { method: "POST", headers, body: "{" });

    expect(answer).toMatchObject({ status: 413, body: { code: "too_large" } });
  });
});

describe("the record of writes", () => {
  it("names what was changed, and never a query", async () => {
    await ask(door.port, "/api/repos/acme-web?force=true", { method: "DELETE" });

    expect(door.records).toContainEqual({
      level: "info",
      message: "admin.write",
      fields: { method: "DELETE", path: "/api/repos/acme-web", status: 200 },
    });
  });
});
