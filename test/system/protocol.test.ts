import { join } from "node:path";

import { expect, test } from "vitest";

import { DaemonRig } from "../support/daemon-rig.ts";
import { makeCheckout } from "../support/sample-checkout.ts";

const OFFLINE = { githubApiUrl: "http://127.0.0.1:9", tcpAuth: "none" };

const line = (request: object): string => `${JSON.stringify(request)}\n`;

test("a client of the first implementation adds, lists and removes a repository with the messages it always sent", async () => {
  await using rig = await DaemonRig.start({ config: OFFLINE });
  const path = await makeCheckout({ directory: join(rig.directory, "web"), origin: "https://github.com/acme/web.git" });
  const send = async (request: object): Promise<Record<string, unknown>> =>
    JSON.parse(await rig.tcp(line(request))) as Record<string, unknown>;

  const added = await send({ action: "add_repo", path, repo_slug: "acme/web" });
  const listed = await send({ action: "list_repos" });
  const removed = await send({ action: "remove_repo", slug: "acme-web" });
  const after = await send({ action: "list_repos" });

  expect(added).toEqual({
    status: "ok",
    slug: "acme-web",
    port: expect.any(Number),
    dashboard_url: expect.stringMatching(/^http:\/\/localhost:\d+\//),
    log_file: expect.any(String),
    started: true,
  });
  expect(listed["repos"]).toEqual([
    expect.objectContaining({
      path,
      slug: "acme-web",
      port: added["port"],
      dashboard_url: added["dashboard_url"],
      log_file: added["log_file"],
      running: true,
    }),
  ]);
  expect(removed).toEqual({ status: "ok", slug: "acme-web" });
  expect(after).toEqual({ status: "ok", repos: [] });
});

test("the errors of the first implementation keep their texts", async () => {
  await using rig = await DaemonRig.start({ config: OFFLINE });
  const texts = [];

  for (const request of [
    { action: "add_repo" },
    { action: "add_repo", path: "/does/not/exist" },
    { action: "remove_repo" },
    { action: "remove_repo", slug: "nobody" },
    { action: "dance" },
  ]) {
    const reply = JSON.parse(await rig.tcp(line(request))) as Record<string, unknown>;
    expect(reply["status"]).toBe("error");
    texts.push(String(reply["error"]));
  }

  expect(texts[0]).toMatch(/^Missing path/);
  expect(texts[1]).toMatch(/^Repo path not found: \/does\/not\/exist/);
  expect(texts[2]).toMatch(/^Missing path or slug/);
  expect(texts[3]).toMatch(/^Repo not found/);
  expect(texts[4]).toBe("unknown action");
});

test("without the token every action but ping is refused, and both doors give the same answer", async () => {
  await using rig = await DaemonRig.start();

  const refused = JSON.parse(await rig.tcp(line({ action: "list_repos" }))) as Record<string, unknown>;
  const allowed = JSON.parse(await rig.tcp(line({ action: "list_repos", token: await rig.token() }))) as Record<
    string,
    unknown
  >;
  const http = await rig.http("GET", "/api/repos", undefined, { authorization: "Bearer wrong-wrong-wrong" });

  expect(refused).toMatchObject({ status: "error", code: "unauthorized" });
  expect(allowed).toEqual({ status: "ok", repos: [] });
  expect(http).toMatchObject({ status: 401, body: { code: "unauthorized" } });
});
