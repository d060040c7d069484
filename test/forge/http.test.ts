import { describe, expect, test } from "vitest";

import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

describe("the forge's HTTP", () => {
  test("a token is known in every form that clients send it; without one, or with a wrong one, the answer is 401", async () => {
    await using rig = await ForgeRig.start();
    const { token, login } = rig.forge;
    const basic = Buffer.from(`x-access-token:${token}`).toString("base64");
    const ask = async (authorization: string) => {
      const response = await fetch(`${rig.forge.url}/user`, { headers: authorization === "" ? {} : { authorization } });
      return [response.status, ((await response.json()) as { login?: string; message?: string }).login];
    };

    for (const form of [`token ${token}`, `Bearer ${token}`, `bearer ${token}`, `Basic ${basic}`])
      expect(await ask(form)).toEqual([200, login]);
    for (const form of ["", "Bearer wrong", "Nonsense", `Basic ${Buffer.from("x:y").toString("base64")}`])
      expect(await ask(form)).toEqual([401, undefined]);
    await rig.forge.revokeToken(token);
    expect(await ask(`token ${token}`)).toEqual([401, undefined]);
  });

  test("an unchanged answer is 304 without a body and costs nothing; a change or another token makes a new tag", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.createIssue(NAME, { title: "One" });
    const path = `/api/v3/repos/${NAME}/issues`;
    const first = await rig.fetch(path);
    const etag = first.headers.get("etag") ?? "";

    const same = await rig.fetch(path, { headers: { "if-none-match": etag } });
    const weak = await rig.fetch(path, { headers: { "if-none-match": `"other", W/${etag}` } });
    await rig.forge.addToken("second-token", rig.forge.login);
    const other = await rig.fetch(path, { headers: { "if-none-match": etag, authorization: "Bearer second-token" } });
    await rig.forge.addComment(NAME, 1, "ann", "news");
    const changed = await rig.fetch(path, { headers: { "if-none-match": etag } });

    expect(etag).toMatch(/^"[0-9a-f]{64}"$/);
    expect([first.status, same.status, weak.status, other.status, changed.status]).toEqual([200, 304, 304, 200, 200]);
    expect(await same.text()).toBe("");
    expect([first, same, weak, other, changed].map((response) => response.headers.get("x-ratelimit-used"))).toEqual([
      "1",
      "1",
      "1",
      "2",
      "3",
    ]);
    expect(rig.forge.requests).toMatchObject({ total: 5, reads: 5, notModified: 2 });
  });

  test("an exhausted budget is 403 until its window ends; asking for the budget stays free", async () => {
    await using rig = await ForgeRig.start({ rateLimit: { limit: 2, windowMs: 60_000 } });
    const octokit = rig.client();
    const ann = await rig.clientOf("ann");
    await octokit.repos.get(REPO);
    await octokit.rateLimit.get();
    const last = await octokit.repos.get(REPO);

    const refused = await rig.fetch(`/repos/${NAME}`);
    const { data: budget } = await octokit.rateLimit.get();
    const others = await ann.repos.get(REPO);
    rig.clock.advance(60_000);
    const again = await octokit.repos.get(REPO);

    const reset = Date.UTC(2026, 0, 1) / 1000 + 60;
    expect(last.headers).toMatchObject({
      "x-ratelimit-limit": "2",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-used": "2",
      "x-ratelimit-resource": "core",
    });
    expect(refused.status).toBe(403);
    expect(refused.headers.get("x-ratelimit-remaining")).toBe("0");
    expect(refused.headers.get("x-ratelimit-reset")).toBe(String(reset));
    expect(await refused.json()).toMatchObject({ message: expect.stringContaining("API rate limit exceeded") });
    expect(budget.rate).toMatchObject({ limit: 2, remaining: 0, reset });
    expect(others.headers["x-ratelimit-remaining"]).toBe("1");
    expect(again.status).toBe(200);
  });

  test("tests exhaust a login's budget, and change everyone's, at will", async () => {
    await using rig = await ForgeRig.start();
    rig.forge.exhaustRateLimit(rig.forge.login, 1_000);
    const refused = await refusalOf(rig.client().repos.get(REPO));
    rig.forge.setRateLimit({ limit: 7, windowMs: 1_000 });
    const { headers } = await rig.client().repos.get(REPO);

    expect(refused.status).toBe(403);
    expect(headers["x-ratelimit-remaining"]).toBe("6");
  });

  test("every request has an id of its own", async () => {
    await using rig = await ForgeRig.start();
    const ids = await Promise.all(
      [1, 2].map(async () => (await rig.fetch(`/repos/${NAME}`)).headers.get("x-github-request-id")),
    );

    expect(ids[0]).toMatch(/^[0-9A-F]{32}$/);
    expect(ids[0]).not.toBe(ids[1]);
  });

  test("broken JSON is 400, an unknown path 404, a body above the limit 413, and the forge lives on", async () => {
    await using rig = await ForgeRig.start();
    const post = (body: string) =>
      rig.fetch(`/repos/${NAME}/issues`, { method: "POST", body, headers: { "content-type": "application/json" } });

    expect((await post("{")).status).toBe(400);
    expect((await rig.fetch("/nothing")).status).toBe(404);
    expect((await rig.fetch(`/repos/${NAME}/labels/%E0%A4%A`)).status).toBe(400);
    expect((await post(JSON.stringify({ title: "x".repeat(1_100_000) }))).status).toBe(413);
    expect((await rig.fetch(`/repos/${NAME}`)).status).toBe(200);
    expect(rig.forge.issues(NAME)).toEqual([]);
    rig.recorder.takeProblems(); // The requests are broken on purpose: GitHub describes none of these.
  });

  test("many clients at once are all answered, and every write is kept once", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    const issue_number = await rig.forge.createIssue(NAME, { title: "Busy" });
    const writes = Array.from({ length: 60 }, (_, index) =>
      octokit.issues.createComment({ ...REPO, issue_number, body: `comment ${index}` }),
    );
    const reads = Array.from({ length: 60 }, () => octokit.issues.listForRepo(REPO));

    await Promise.all([...writes, ...reads]);

    const ids = rig.forge.comments(NAME, issue_number).map((comment) => comment.id);
    expect(new Set(ids).size).toBe(60);
    expect(rig.forge.ledger.filter((entry) => entry.kind === "comment.created")).toHaveLength(60);
    expect(rig.forge.requests).toMatchObject({ reads: 60, writes: 60, refused: 0 });
  });

  test("a second forge on a taken port does not start", async () => {
    await using rig = await ForgeRig.start();

    await expect(ForgeRig.start({ port: rig.forge.port })).rejects.toMatchObject({ code: "FORGE_PORT" });
  });
});
