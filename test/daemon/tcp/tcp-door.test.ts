import { once } from "node:events";
import { createInterface } from "node:readline";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LINE_BYTES_MAX } from "../../../src/core/messages/control-message.ts";
import { ask, exchange, type Reply, until } from "../daemon-rig.ts";
import { DoorRig, ENTRY, TOKEN } from "../door-rig.ts";

let door: DoorRig;

beforeEach(async () => {
  door = await DoorRig.open("none");
});
afterEach(() => door[Symbol.asyncDispose]());

describe("the first implementation's protocol", () => {
  it.each([
    [{ action: "ping" }, { status: "ok", version: "1.2.3", boot_id: "b", uptime_s: 5 }],
    [{ action: "list_repos" }, { status: "ok", repos: [ENTRY] }],
    [
      { action: "add_repo", path: "/srv/web", repo_slug: "acme/web" },
      {
        status: "ok",
        slug: "acme-web",
        port: 39_543,
        dashboard_url: ENTRY.dashboard_url,
        log_file: ENTRY.log_file,
        started: true,
      },
    ],
    [
      { action: "register_repo", path: "/srv/web" },
      { status: "ok", slug: "acme-web", path: "/srv/web" },
    ],
    [
      { action: "remove_repo", slug: "acme-web" },
      { status: "ok", slug: "acme-web" },
    ],
    [
      { action: "remove_repo", slug: "gone" },
      { status: "error", error: "Repo not found", code: "not_found" },
    ],
    [{ action: "add_repo" }, { status: "error", error: "Missing path", code: "bad_request" }],
    [{ action: "shutdown" }, { status: "error", error: "unknown action", code: "unknown_action" }],
    [{}, { status: "error", error: "unknown action", code: "unknown_action" }],
    [
      { action: "repo_status", slug: "acme-web" },
      { status: "ok", ...ENTRY },
    ],
    [
      { action: "repo_status", slug: "acme/web" },
      { status: "ok", ...ENTRY },
    ],
    [
      { action: "restart_repo", slug: "acme-web" },
      { status: "ok", ...ENTRY },
    ],
    [
      { action: "drain", timeout_s: 600 },
      { status: "ok", draining: true, since: "2026-01-01T00:00:00.000Z", drained: true, repos: [] },
    ],
    [{ action: "undrain" }, { status: "ok", draining: false, since: null, drained: false, repos: [] }],
  ])("answers %j", async (request, reply) => {
    expect(await ask(door.port, request)).toEqual(reply);
  });

  it("takes null and empty text for a field that is not there", async () => {
    const [add, remove] = await door.replies([
      { action: "add_repo", path: "/srv/web", repo_slug: null },
      { action: "remove_repo", path: "", slug: "acme-web" },
    ]);

    expect([add?.status, remove?.status]).toEqual(["ok", "ok"]);
    expect(door.control.calls).toEqual(["add /srv/web undefined", "remove acme-web undefined undefined"]);
  });

  it("answers a request without a newline when the client ends its side", async () => {
    expect(JSON.parse(await exchange(door.port, '{"action":"ping"}'))).toMatchObject({ status: "ok" });
  });

  it("says nothing to a client that says nothing", async () => {
    expect(await exchange(door.port, "")).toBe("");
  });
});

describe("many requests on one connection", () => {
  it("are answered in their order, one at a time", async () => {
    const socket = door.socket();
    const lines = createInterface(socket)[Symbol.asyncIterator]();
    socket.write('{"action":"add_repo","path":"/slow"}\n{"action":"repo_status","slug":"second"}\n');
    await until("the first request", () => door.control.calls.length > 0);
    await ask(door.port, { action: "ping" });
    const whileFirstRuns = [...door.control.calls];
    door.control.releaseSlow();

    const first = JSON.parse(String((await lines.next()).value)) as Reply;
    const second = JSON.parse(String((await lines.next()).value)) as Reply;

    expect(whileFirstRuns).toEqual(["add /slow undefined", "ping"]);
    expect([first["started"], second["state"]]).toEqual([true, "running"]);
    expect(door.control.calls.at(-1)).toBe("status second");
  });

  it("may come in any pieces, also in the middle of a character", async () => {
    const bytes = Buffer.from('{"action":"add_repo","path":"/grün"}\n');
    const socket = door.socket();
    const reply = once(createInterface(socket), "line");
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }

    expect(JSON.parse(String((await reply)[0]))).toMatchObject({ status: "ok" });
    expect(door.control.calls).toEqual(["add /grün undefined"]);
  });
});

describe("bad input", () => {
  it.each([
    ["broken JSON", "{broken"],
    ["an array", '[{"action":"ping"}]'],
    ["a text", '"ping"'],
    ["a prototype", '{"__proto__":{},"action":"ping"}'],
    ["deep nesting", `{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}`],
    ["a zero byte", "\u0000"],
    ["an empty line", ""],
  ])("%s gets one error, ends the connection, and runs nothing behind it", async (_, line) => {
    const answered = await door.replies([line, { action: "ping" }, { action: "ping" }]);

    expect(answered).toEqual([{ status: "error", code: "bad_request", error: expect.any(String) as string }]);
    expect(door.control.calls).toEqual([]);
    expect(await ask(door.port, { action: "ping" })).toMatchObject({ status: "ok" });
  });

  it("an HTTP request never runs a command, wherever the command stands in it", async () => {
    const body = '{"action":"add_repo","path":"/srv/web"}';
    const answered = await exchange(
      door.port,
      `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n${body}\n`,
    );

    expect(answered.trimEnd().split("\n")).toHaveLength(1);
    expect(door.control.calls).toEqual([]);
  });

  it("a line over the limit gets an error and ends the connection, and the next client is served", async () => {
    const answered = await exchange(door.port, "x".repeat(LINE_BYTES_MAX + 5_000), false);

    expect(JSON.parse(answered)).toMatchObject({ status: "error", code: "too_large" });
    expect(await ask(door.port, { action: "ping" })).toMatchObject({ status: "ok" });
  });

  it("a line over the limit is answered behind the requests before it", async () => {
    const socket = door.socket();
    const answers = createInterface(socket)[Symbol.asyncIterator]();
    socket.write(`{"action":"add_repo","path":"/slow"}\n${"x".repeat(1_000)}`);
    await until("the request", () => door.control.calls.length === 1);
    socket.write("x".repeat(LINE_BYTES_MAX));
    await ask(door.port, { action: "ping" });
    door.control.releaseSlow();

    expect(JSON.parse(String((await answers.next()).value))).toMatchObject({ started: true });
    expect(JSON.parse(String((await answers.next()).value))).toMatchObject({ code: "too_large" });
    expect((await answers.next()).done).toBe(true);
  });

  it("a line of exactly the limit is taken", async () => {
    const [reply] = await door.replies(['{"action":"ping"}'.padEnd(LINE_BYTES_MAX)]);
    const [refused] = await door.replies(['{"action":"ping"}'.padEnd(LINE_BYTES_MAX + 1)]);

    expect(reply).toMatchObject({ status: "ok" });
    expect(refused).toMatchObject({ status: "error", code: "too_large" });
  });

  it.each([
    [{ action: "add_repo", path: 5 }],
    [{ action: "add_repo", path: "/x", surprise: 1 }],
    [{ action: "start_repo" }],
    [{ action: "repo_status", slug: "x".repeat(300) }],
    [{ action: "remove_repo", slug: "a", force: "yes" }],
    [{ action: ["ping"] }],
    [{ action: "constructor" }],
    [{ action: "toString" }],
    [{ action: "start_repo", slug: "../etc" }],
    [{ action: "remove_repo", slug: "a/.." }],
  ])("%j is refused and the connection stays", async (request) => {
    const [refused, next] = await door.replies([request, { action: "ping" }]);

    expect(refused?.status).toBe("error");
    expect(next).toMatchObject({ status: "ok" });
    expect(door.control.calls).toEqual(["ping"]);
  });

  it("a bug is told without its text", async () => {
    const reply = await ask(door.port, { action: "add_repo", path: "/bug" });

    expect(reply).toMatchObject({ status: "error", code: "internal" });
    expect(JSON.stringify(reply)).not.toContain("secret detail");
    expect(door.records.at(-1)).toMatchObject({
      message: "tcp.request-failed",
      fields: { problem: "a secret detail" },
    });
  });
});

describe("the token", () => {
  beforeEach(async () => {
    await door[Symbol.asyncDispose]();
    door = await DoorRig.open("token");
  });

  it("is needed for everything but ping", async () => {
    const [ping, list, unknown] = await door.replies([
      { action: "ping" },
      { action: "list_repos" },
      { action: "nonsense" },
    ]);

    expect(ping).toMatchObject({ status: "ok" });
    expect(list).toMatchObject({ status: "error", code: "unauthorized" });
    expect(unknown).toMatchObject({ code: "unknown_action" });
    expect(door.control.calls).toEqual(["ping"]);
  });

  it.each([["wrong"], [""], [null], [5], [{ length: 22 }], [`${TOKEN} `]])("is not %j", async (token) => {
    expect(await ask(door.port, { action: "list_repos", token })).toMatchObject({ code: "unauthorized" });
  });

  it("lets in who has it", async () => {
    expect(await ask(door.port, { action: "list_repos", token: TOKEN })).toMatchObject({ status: "ok" });
  });
});

describe("listing", () => {
  it("tells of a change at once", async () => {
    await ask(door.port, { action: "list_repos" });
    door.control.rows = [{ ...ENTRY, state: "backing-off" }];

    expect(await ask(door.port, { action: "list_repos" })).toMatchObject({ repos: [{ state: "backing-off" }] });
  });
});
