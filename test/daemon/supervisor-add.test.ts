import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { add, ended, type Given, QUICK, Rig, slugs, TIMINGS } from "./daemon-rig.ts";
import { NOT_FOUND } from "../../src/daemon/registry/refusal.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function spawns(slug: string): Promise<number[]> {
  return (await readFile(join(rig.home, slug, "spawns.txt"), "utf8")).trim().split("\n").map(Number);
}

describe("adding a repository", () => {
  it("starts its worker and says where it listens", async () => {
    const daemon = await rig.daemon();

    const reply = await add(daemon, "web");
    const entry = await daemon.entry("acme-web");

    expect(reply).toMatchObject({
      status: "ok",
      slug: "acme-web",
      started: true,
      port: entry.port,
      dashboard_url: entry.dashboard_url,
    });
    expect(entry).toMatchObject({
      repo: "acme/web",
      running: true,
      state: "running",
      restarts: 0,
      generation: 1,
      desired: "running",
      last_exit: null,
    });
    expect(await (await fetch(`http://127.0.0.1:${entry.port}`)).text()).toBe("acme/web");
  });

  it("that runs already starts nothing", async () => {
    const daemon = await rig.daemon();
    const first = await add(daemon, "web");
    const again = await add(daemon, "web");

    expect(again).toEqual({ ...first, started: false });
    expect(await spawns("acme-web")).toHaveLength(1);
  });

  it("twice at the same time starts one worker", async () => {
    const daemon = await rig.daemon();
    const both = await Promise.all([add(daemon, "web"), add(daemon, "web")]);

    expect(both.map(({ status, slug }) => [status, slug])).toEqual([
      ["ok", "acme-web"],
      ["ok", "acme-web"],
    ]);
    expect(await spawns("acme-web")).toHaveLength(1);
  });

  it("gives each of many look-alikes its own slug, worker and data", async () => {
    const daemon = await rig.daemon();
    const cases = [
      ["one/web", "https://github.com/acme/web", undefined],
      ["two/web", "https://github.com/other/web", undefined],
      ["three", "git@github.com:a-b/c.git", undefined],
      ["four", "git@github.com:a/b-c.git", undefined],
      ["five", null, "acme/shop"],
    ] as const;
    const replies = [];
    for (const [where, origin, repoSlug] of cases) {
      const path = await rig.checkout(where, origin);
      replies.push(await daemon.ask({ action: "add_repo", path, repo_slug: repoSlug }));
    }
    const sameRepository = await daemon.ask({
      action: "add_repo",
      path: await rig.checkout("six", "https://github.com/Acme/Web"),
    });

    expect(replies.map(({ slug }) => slug)).toEqual([
      "acme-web",
      "other-web",
      "a-b-c",
      expect.stringMatching(/^a-b-c-[0-9a-f]{6}$/),
      "acme-shop",
    ]);
    expect(new Set(replies.map(({ port }) => port)).size).toBe(5);
    expect(sameRepository).toMatchObject({ status: "error", code: "already_registered" });
    for (const { slug } of replies) {
      const { start, environment } = await rig.given<Given>(String(slug), "given.json");
      expect([start.slug, environment["HYDRAFLOW_HOME"]]).toEqual([slug, join(rig.home, String(slug))]);
    }
  });

  it.each([
    ["exits-at-once", "the fixture cannot start"],
    ["bad-config", "pollIntervalMs: must be a number"],
    ["talks-nonsense", "no message"],
  ])("whose worker %s fails with the reason and leaves no registration", async (name, reason) => {
    const daemon = await rig.daemon(QUICK, { timings: TIMINGS });

    const reply = await add(daemon, name);

    expect(reply).toMatchObject({
      status: "error",
      code: "worker_failed",
      error: expect.stringContaining(reason) as string,
    });
    expect(await slugs(daemon)).toEqual([]);
    expect((await rig.state())["repos"]).toEqual([]);
  });

  it("whose worker is never ready fails at the deadline and leaves no process", async () => {
    const daemon = await rig.daemon(QUICK, { timings: { ...TIMINGS, startupMs: 3_000 } });
    const adding = add(daemon, "never-ready");
    const { pid } = await daemon.entryWhen("acme-never-ready", "a process", (entry) => typeof entry.pid === "number");

    expect(await adding).toMatchObject({
      status: "error",
      code: "worker_failed",
      error: expect.stringContaining("not ready within 3 s") as string,
    });
    await ended(Number(pid));
    expect(await slugs(daemon)).toEqual([]);
  });

  it("by name leaves the checkout to the worker", async () => {
    const daemon = await rig.daemon();

    const reply = await daemon.ask({ action: "add_repo", repo: "acme/web" });

    expect(reply).toMatchObject({ status: "ok", slug: "acme-web" });
    const { start } = await rig.given<Given>("acme-web", "given.json");
    expect(start.checkout).toBe(join(rig.home, "clones", "acme-web"));
  });

  it("answers others while it waits", async () => {
    const daemon = await rig.daemon({}, { timings: { ...TIMINGS, startupMs: 120_000 } });
    let isAdded = false;
    const adding = add(daemon, "never-ready").then(() => (isAdded = true));
    await daemon.entryWhen("acme-never-ready", "a process", (entry) => typeof entry.pid === "number");

    const ping = await daemon.ask({ action: "ping" });
    const other = await add(daemon, "web");
    const stillWaiting = !isAdded;
    await daemon.ask({ action: "stop_repo", slug: "acme-never-ready" });
    await adding;

    expect([ping.status, other.status, stillWaiting]).toEqual(["ok", "ok", true]);
  });

  it("fifty times at once shares few write cycles", async () => {
    const daemon = await rig.daemon();
    const paths = await Promise.all(
      Array.from({ length: 50 }, (_, index) => rig.checkout(`r${index}`, `https://github.com/acme/r${index}`)),
    );
    const before = Number((await rig.state())["revision"]);

    const replies = await Promise.all(paths.map((path) => daemon.ask({ action: "register_repo", path })));

    expect(new Set(replies.map(({ slug }) => slug)).size).toBe(50);
    expect(((await rig.state())["repos"] as unknown[]).length).toBe(50);
    expect(Number((await rig.state())["revision"]) - before).toBeLessThanOrEqual(10);
  });
});

describe("registering", () => {
  it("starts nothing, now and after a restart", async () => {
    const daemon = await rig.daemon();
    const path = await rig.checkout("web", "https://github.com/acme/web");

    expect(await daemon.ask({ action: "register_repo", path })).toEqual({ status: "ok", slug: "acme-web", path });
    await daemon[Symbol.asyncDispose]();
    const next = await rig.daemon();

    expect(await next.entry("acme-web")).toMatchObject({
      state: "stopped",
      desired: "stopped",
      pid: null,
      generation: 0,
    });
  });
});

describe("requests that cannot be met", () => {
  it.each([
    [{ action: "add_repo", path: "/no/such/place" }, "path_not_found", "Repo path not found: /no/such/place"],
    [{ action: "add_repo", path: "relative" }, "bad_request", undefined],
    [{ action: "add_repo" }, "bad_request", "Missing path"],
    [{ action: "remove_repo" }, "bad_request", "Missing path or slug"],
    [{ action: "remove_repo", slug: "nobody" }, "not_found", NOT_FOUND.message],
    [{ action: "start_repo", slug: "../etc" }, "invalid_slug", undefined],
    [{ action: "stop_repo", slug: "nobody" }, "not_found", NOT_FOUND.message],
    [{ action: "repo_status", slug: "nobody" }, "not_found", NOT_FOUND.message],
    [{ action: "add_repo", repo: "https://evil.example/a/b" }, "bad_request", undefined],
  ])("%j → %s", async (request, code, error) => {
    const daemon = await rig.daemon();

    expect(await daemon.ask(request)).toEqual({
      status: "error",
      code,
      error: error ?? (expect.any(String) as string),
    });
    expect(await daemon.ask({ action: "ping" })).toMatchObject({ status: "ok" });
  });

  it("a plain directory is no checkout, and repo_slug does not leave the state directory", async () => {
    const daemon = await rig.daemon();
    const path = await rig.checkout("web", null);

    expect(await daemon.ask({ action: "add_repo", path: rig.directory })).toMatchObject({ code: "not_a_checkout" });
    expect(await daemon.ask({ action: "add_repo", path, repo_slug: "../../etc" })).toMatchObject({
      code: "invalid_slug",
    });
    expect(await daemon.ask({ action: "add_repo", path, repo_slug: "a/.." })).toMatchObject({ code: "invalid_slug" });
  });
});
