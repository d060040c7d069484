import { describe, expect, test } from "vitest";

import { FaultPlan } from "../../src/forge/doors/fault-plan.ts";
import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

const COMMENTS = /\/issues\/1\/comments$/;

describe("planned faults", () => {
  test("a status strikes as often as planned, does no work, and leaves other requests alone", async () => {
    await using rig = await startWithIssue();
    rig.forge.faults.plan({
      match: { method: "POST", path: COMMENTS },
      times: 2,
      fault: { kind: "status", status: 503, retryAfter: 1 },
    });

    const other = await rig.client().issues.listComments({ ...REPO, issue_number: 1 });
    const refusals = [await refusalOf(comment(rig)), await refusalOf(comment(rig))];
    const pendingAfterTwo = rig.forge.faults.pending;
    await comment(rig);

    expect(other.status).toBe(200);
    expect(refusals.map((refusal) => refusal.status)).toEqual([503, 503]);
    expect(pendingAfterTwo).toBe(0);
    expect(bodies(rig)).toEqual(["hello"]);
    expect(rig.forge.requests).toMatchObject({ faulted: 2, refused: 2 });
  });

  test("rate limits of both kinds look as GitHub's do", async () => {
    await using rig = await startWithIssue();
    rig.forge.faults.plan({ match: {}, fault: { kind: "rate-limited" } });
    rig.forge.faults.plan({ match: {}, fault: { kind: "secondary-limit", retryAfter: 7 } });

    const primary = await rig.fetch(`/repos/${NAME}`);
    const secondary = await rig.fetch(`/repos/${NAME}`);

    expect([primary.status, primary.headers.get("x-ratelimit-remaining")]).toEqual([403, "0"]);
    expect(Number(primary.headers.get("x-ratelimit-reset"))).toBeGreaterThan(0);
    expect([secondary.status, secondary.headers.get("retry-after")]).toEqual([403, "7"]);
    expect(await secondary.json()).toMatchObject({ message: expect.stringContaining("secondary rate limit") });
  });

  test("after-effect-500 has done the work and says otherwise", async () => {
    await using rig = await startWithIssue();
    rig.forge.faults.plan({ match: { path: "/comments" }, fault: { kind: "after-effect-500" } });

    const refused = await refusalOf(comment(rig));

    expect(refused.status).toBe(500);
    expect(bodies(rig)).toEqual(["hello"]);
    expect(rig.forge.ledger.filter((entry) => entry.kind === "comment.created")).toHaveLength(1);
  });

  test("half-body has done the work and breaks off; reset has done none", async () => {
    await using rig = await startWithIssue();
    rig.forge.faults.plan({ match: { method: "POST" }, fault: { kind: "half-body" } });
    rig.forge.faults.plan({ match: { method: "POST" }, fault: { kind: "reset" } });
    const init = {
      method: "POST",
      body: JSON.stringify({ body: "hello" }),
      headers: { "content-type": "application/json" },
    };

    const half = await rig.fetch(`/repos/${NAME}/issues/1/comments`, init);
    const textOfHalf = half.text();
    await expect(textOfHalf).rejects.toThrow("terminated");
    await expect(rig.fetch(`/repos/${NAME}/issues/1/comments`, init)).rejects.toThrow("fetch failed");

    expect(half.status).toBe(201);
    expect(bodies(rig)).toEqual(["hello"]);
  });

  test("a stall waits, holds up nobody else, then does the work; the closing forge cuts it short", async () => {
    await using rig = await startWithIssue();
    rig.forge.faults.plan({ match: { path: COMMENTS }, fault: { kind: "stall", ms: 30 } });
    rig.forge.faults.plan({ match: { path: COMMENTS }, fault: { kind: "stall", ms: 600_000 } });

    await comment(rig);
    const endless = refusalOf(comment(rig));
    await expect.poll(() => rig.forge.faults.pending, { timeout: 60_000 }).toBe(0);
    const other = await rig.client().repos.get(REPO);
    await rig.restart();

    expect(rig.clock.slept.slice(0, 2)).toEqual([30, 600_000]);
    expect(other.status).toBe(200);
    expect((await endless).status).toBe(500);
    expect(bodies(rig)).toEqual(["hello"]);
  });

  test("git is struck as well: a push that arrived and was answered with 500", async () => {
    await using rig = await ForgeRig.start();
    const checkout = `${rig.directory}/checkout`;
    await rig.git(["clone", "-q", `${rig.forge.url}/${NAME}.git`, checkout]);
    rig.forge.faults.plan({ match: { path: "/git-receive-pack" }, fault: { kind: "after-effect-500" } });

    await expect(rig.git(["push", "-q", "origin", "HEAD:refs/heads/new"], { cwd: checkout })).rejects.toThrow(/500/);

    expect(rig.forge.refs(NAME)["refs/heads/new"]).toBe(rig.forge.refs(NAME)["refs/heads/main"]);
  });

  test("earlier orders strike first, a text matches a part of the path, and what is cleared never strikes", () => {
    const plan = new FaultPlan();
    plan.plan({ match: { path: "/issues" }, fault: { kind: "status", status: 500 } });
    plan.plan({ match: { method: "get" }, times: 2, fault: { kind: "reset" } });

    expect(plan.take("GET", "/repos/a/b/issues")).toEqual({ kind: "status", status: 500 });
    expect(plan.take("POST", "/repos/a/b/issues")).toBeUndefined();
    expect(plan.take("GET", "/repos/a/b/issues")).toEqual({ kind: "reset" });
    expect(plan.pending).toBe(1);
    plan.clear();
    expect(plan.take("GET", "/")).toBeUndefined();
  });
});

describe("faults at a rate", () => {
  const faults = [{ kind: "status", status: 502, body: "<html>Bad gateway</html>" }, { kind: "reset" }] as const;

  test("strike about that share of requests with every fault of the list, and the same ones with the same seed", () => {
    const struck = strikesOf(7, 0.05);
    const kinds = struck.filter((fault) => fault !== undefined).map(({ kind }) => kind);

    expect(kinds.length).toBeGreaterThan(350);
    expect(kinds.length).toBeLessThan(650);
    expect(new Set(kinds)).toEqual(new Set(["status", "reset"]));
    expect(strikesOf(7, 0.05)).toEqual(struck);
    expect(strikesOf(8, 0.05)).not.toEqual(struck);
    expect(strikesOf(7, 0).filter((fault) => fault !== undefined)).toEqual([]);
  });

  test("leave orders their requests, and end when faults are cleared", () => {
    const plan = new FaultPlan();
    plan.strikeAtRate({ share: 1, faults: [{ kind: "reset" }], seed: 1 });
    plan.plan({ match: { path: "/issues" }, fault: { kind: "half-body" } });

    expect(plan.take("GET", "/repos/a/b/issues")).toEqual({ kind: "half-body" });
    expect(plan.take("GET", "/repos/a/b/issues")).toEqual({ kind: "reset" });
    plan.clear();
    expect(plan.take("GET", "/repos/a/b/issues")).toBeUndefined();
  });

  test("are ordered through the control door, and a body that is a text is a page of HTML", async () => {
    await using rig = await startWithIssue();
    const control = (method: string, path: string, order?: unknown) =>
      rig.fetch(`/_forge/${path}`, {
        method,
        ...(order === undefined ? {} : { body: JSON.stringify(order) }),
        headers: { authorization: `Bearer ${rig.forge.controlToken}` },
      });

    const ordered = await control("POST", "fault-rate", { share: 1, faults: faults.slice(0, 1), seed: 1 });
    const page = await rig.fetch(`/repos/${NAME}`);
    await control("DELETE", "faults");
    const whole = await rig.fetch(`/repos/${NAME}`);

    expect(ordered.status).toBe(200);
    expect([page.status, page.headers.get("content-type")]).toEqual([502, "text/html; charset=utf-8"]);
    expect(await page.text()).toBe("<html>Bad gateway</html>");
    expect(whole.status).toBe(200);
  });

  function strikesOf(seed: number, share: number) {
    const plan = new FaultPlan();
    plan.strikeAtRate({ share, faults, seed });
    return Array.from({ length: 10_000 }, () => plan.take("GET", "/"));
  }
});

async function startWithIssue(): Promise<ForgeRig> {
  const rig = await ForgeRig.start();
  await rig.forge.createIssue(NAME, { title: "One" });
  return rig;
}

async function comment(rig: ForgeRig): Promise<void> {
  await rig.client().issues.createComment({ ...REPO, issue_number: 1, body: "hello" });
}

function bodies(rig: ForgeRig): string[] {
  return rig.forge.comments(NAME, 1).map((entry) => entry.body);
}
