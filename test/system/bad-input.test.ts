import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { CLI } from "../support/built-program.ts";
import { DaemonRig } from "../support/daemon-rig.ts";
import { makeCheckout } from "../support/sample-checkout.ts";

const run = promisify(execFile);

const CONFIG = { githubApiUrl: "http://127.0.0.1:9", tcpAuth: "none" };

/** After each bad client the next good one must be served: asked on both doors. */
async function expectStillServing(rig: DaemonRig): Promise<void> {
  expect(JSON.parse(await rig.tcp('{"action":"ping"}\n', 1))).toMatchObject({ status: "ok" });
  expect((await rig.http("GET", "/api/ping")).status).toBe(200);
}

test("whatever a client sends to the TCP door gets a clear error with a stable code, and the next client is served", async () => {
  await using rig = await DaemonRig.start({ config: CONFIG });
  const noCheckout = join(rig.directory, "plain");
  await mkdir(noCheckout);
  const cases: [name: string, bytes: string, code: string, closes: boolean][] = [
    ["broken JSON", '{"action":\n', "bad_request", true],
    ["an array", "[1,2]\n", "bad_request", true],
    ["a line of 70 KB", `{"action":"ping","x":"${"y".repeat(70_000)}"}\n`, "too_large", true],
    [
      "an HTTP request with a command in its body",
      'POST / HTTP/1.1\r\nHost: x\r\n\r\n{"action":"list_repos"}\n',
      "bad_request",
      true,
    ],
    ["an unknown action", '{"action":"reboot"}\n', "unknown_action", false],
    ["an action of the prototype", '{"action":"constructor"}\n', "unknown_action", false],
    ["an unknown field", '{"action":"ping","extra":1}\n', "bad_request", false],
    [
      "a path that is no checkout",
      `${JSON.stringify({ action: "add_repo", path: noCheckout })}\n`,
      "not_a_checkout",
      false,
    ],
    ["a path that is not there", '{"action":"add_repo","path":"/does/not/exist"}\n', "path_not_found", false],
    ["a slug with ..", '{"action":"start_repo","slug":"../../etc"}\n', "invalid_slug", false],
    ["a slug that nobody has", '{"action":"start_repo","slug":"nobody"}\n', "not_found", false],
  ];

  for (const [name, bytes, code, closes] of cases) {
    const replies = (await rig.tcp(closes ? bytes + '{"action":"list_repos"}\n' : bytes)).trim().split("\n");
    expect(replies, name).toHaveLength(1);
    expect(JSON.parse(replies[0] ?? ""), name).toMatchObject({
      status: "error",
      code,
      error: expect.stringMatching(/^[^\n]{3,}$/),
    });
    await expectStillServing(rig);
  }
  expect(await rig.repositories()).toEqual([]);
});

test("whatever a client sends to the HTTP door gets a problem document with a stable code, and the next client is served", async () => {
  await using rig = await DaemonRig.start({ config: CONFIG });
  const bearer = `Bearer ${await rig.token()}`;
  const port = await rig.port("httpPort");
  const cases: [
    name: string,
    options: { method: string; path: string; headers: Record<string, string>; body?: string },
    status: number,
    code: string,
  ][] = [
    ["no token", { method: "GET", path: "/api/repos", headers: {} }, 401, "unauthorized"],
    [
      "a wrong Host",
      { method: "GET", path: "/api/repos", headers: { authorization: bearer, host: "evil.example" } },
      403,
      "forbidden_host",
    ],
    [
      "a foreign Origin",
      { method: "GET", path: "/api/repos", headers: { authorization: bearer, origin: "http://evil.example" } },
      403,
      "forbidden_host",
    ],
    [
      "broken JSON",
      {
        method: "POST",
        path: "/api/repos",
        headers: { authorization: bearer, "content-type": "application/json" },
        body: "{",
      },
      400,
      "bad_request",
    ],
    [
      "a form",
      {
        method: "POST",
        path: "/api/repos",
        headers: { authorization: bearer, "content-type": "text/plain" },
        body: "{}",
      },
      415,
      "unsupported_type",
    ],
    [
      "a body too large",
      {
        method: "POST",
        path: "/api/repos",
        headers: { authorization: bearer, "content-type": "application/json" },
        body: `{"path":"${"x".repeat(1_100_000)}"}`,
      },
      413,
      "too_large",
    ],
    [
      "a slug with ..",
      { method: "GET", path: "/api/repos/..%2f..%2fetc/status", headers: { authorization: bearer } },
      422,
      "invalid_slug",
    ],
    [
      "an unknown repository",
      { method: "POST", path: "/api/repos/nobody/start", headers: { authorization: bearer } },
      404,
      "not_found",
    ],
    ["an unknown route", { method: "GET", path: "/api/nothing", headers: { authorization: bearer } }, 404, "not_found"],
  ];

  for (const [name, { body, ...options }, status, code] of cases) {
    const answer = await send({ port, ...options }, body);
    expect(answer.status, name).toBe(status);
    expect(answer.type, name).toContain("application/problem+json");
    expect(JSON.parse(answer.text), name).toMatchObject({ status, code, detail: expect.stringMatching(/.{3,}/) });
    await expectStillServing(rig);
  }
});

test("a command that names a repository that nobody has ends with one line that says what to do, and changes nothing", async () => {
  await using rig = await DaemonRig.start({ config: CONFIG });
  const checkout = await makeCheckout({ directory: join(rig.directory, "web"), origin: "https://github.com/acme/web" });
  await rig.http("POST", "/api/repos", { path: checkout });
  const before = (await rig.state())["repos"];

  for (const words of ["start", "stop", "restart", "status", "remove --force", "logs", "explain"]) {
    const [command = "", ...flags] = words.split(" ");
    const more = command === "explain" ? ["1"] : flags;
    const args = [CLI, command, "nobody", ...more, "--home", rig.paths.home];
    const ended = await run(process.execPath, args).catch((error: unknown) => error);

    expect(ended, words).toMatchObject({ code: 1, stdout: "" });
    expect((ended as { stderr: string }).stderr, words).toBe(
      "hydraflow: Repo not found; the list of repositories shows the slug of each\n",
    );
  }
  expect((await rig.state())["repos"]).toEqual(before);
});

function send(
  options: { port: number; method: string; path: string; headers: Record<string, string> },
  body: string | undefined,
): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", ...options }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += String(chunk)));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", text }),
      );
    });
    call.on("error", reject);
    call.end(body);
  });
}
