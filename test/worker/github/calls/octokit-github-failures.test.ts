// Runs the port's adapter against a forge that fails, refuses and limits.

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../../../src/core/base/clock.ts";
import type { WorkerEvent } from "../../../../src/worker/events/event.ts";
import type { GitHub, MergeRequest } from "../../../../src/worker/github/port/github.ts";
import { ForgeRig, NAME } from "../../../forge/forge-rig.ts";
import { failureOf, valueOf } from "../../git/git-fixture.ts";
import { connectRest } from "../rest-client.ts";

const signal = new AbortController().signal;

describe("GitHub over REST, when it fails", () => {
  let rig: ForgeRig;
  let github: GitHub;
  let events: WorkerEvent[];

  beforeEach(async () => {
    rig = await ForgeRig.start({ clock: systemClock });
    events = [];
    github = connect(rig.forge.token);
  });

  afterEach(() => rig[Symbol.asyncDispose]());

  const connect = (token: string | null) => connectRest(rig, { token, events });

  it("repeats what is safe to repeat, and never a comment, a pull request or a merge", async () => {
    const number = await rig.forge.createIssue(NAME, { title: "One" });
    rig.forge.faults.plan({ match: { path: "/labels" }, fault: { kind: "after-effect-500" } });
    expect(valueOf(await github.addLabels(number, ["a"], signal))).toEqual(["a"]);

    rig.forge.faults.plan({ match: { path: "/comments" }, fault: { kind: "after-effect-500" } });
    expect(failureOf(await github.createComment(number, "Once", signal))).toMatchObject({
      kind: "server",
      status: 500,
      retryable: true,
    });
    expect(rig.forge.comments(NAME, number).length).toBe(1);

    const pull = await rig.openPull("work");
    const { headSha } = valueOf(await github.pull(pull, signal));
    rig.forge.faults.plan({ match: { path: "/merge" }, fault: { kind: "after-effect-500" } });
    expect(failureOf(await github.merge(pull, mergeOf(headSha), signal))).toMatchObject({
      kind: "server",
      retryable: true,
    });
    expect(valueOf(await github.pull(pull, signal)).merged).toBe(true);
  });

  it.each([
    ["half a body", { kind: "half-body" }],
    ["a page of HTML", { kind: "status", status: 502, body: "<html>Bad gateway</html>" }],
    ["a reset connection", { kind: "reset" }],
  ] as const)("survives %s, and calls it retryable when it stays", async (_name, fault) => {
    const number = await rig.forge.createIssue(NAME, { title: "One" });
    rig.forge.faults.plan({ match: { path: `/issues/${number}` }, times: 20, fault });
    const failure = failureOf(await github.issue(number, signal));
    rig.forge.faults.clear();

    expect(failure.retryable).toBe(true);
    expect(["server", "unreachable"]).toContain(failure.kind);
    expect(events).toMatchObject([{ type: "github.failed", request: "GET /repos/{owner}/{repo}/issues/{number}" }]);
    expect(valueOf(await github.issue(number, signal)).title).toBe("One");
  });

  it("names a wrong token and never shows it", async () => {
    const token = "a-wrong-token-that-nobody-may-see";
    const failure = failureOf(await connect(token).viewer(signal));

    expect(failure).toMatchObject({ kind: "unauthorized", status: 401, retryable: false });
    expect(JSON.stringify([failure, events])).not.toContain(token);
  });

  it("pauses every request when the limit is used up, and says until when", async () => {
    rig.forge.exhaustRateLimit(rig.forge.login, 120_000);
    const first = failureOf(await github.repository(signal));
    const { total } = rig.forge.requests;
    const second = failureOf(await github.listIssues(null, signal));

    expect([first, second]).toMatchObject([
      { kind: "rate-limited", retryable: true },
      { kind: "rate-limited", retryable: true },
    ]);
    const waitMs = (first.retryAt?.getTime() ?? 0) - Date.now();
    expect(waitMs).toBeGreaterThan(60_000);
    expect(waitMs).toBeLessThanOrEqual(121_000);
    expect(second.retryAt).toEqual(first.retryAt);
    expect(rig.forge.requests.total).toBe(total);
    expect(events.filter(({ type }) => type === "github.paused")).toEqual([
      { type: "github.paused", until: first.retryAt?.toISOString() },
    ]);
  });

  it("obeys retry-after of a secondary limit and goes on afterwards", async () => {
    rig.forge.faults.plan({ match: { path: "/acme/web" }, fault: { kind: "secondary-limit", retryAfter: 1 } });
    const paused = failureOf(await github.repository(signal));
    await systemClock.sleep(Math.max(0, (paused.retryAt?.getTime() ?? 0) - Date.now()) + 5, signal);

    expect(paused.kind).toBe("rate-limited");
    expect((await github.repository(signal)).ok).toBe(true);
  });

  it("rejects with the signal's reason when stopped", async () => {
    const stop = new AbortController();
    rig.forge.faults.plan({ match: { path: "/acme/web" }, fault: { kind: "stall", ms: 60_000 } });
    const asking = github.repository(stop.signal);
    stop.abort(new Error("stopping"));

    await expect(asking).rejects.toThrow("stopping");
  });
});

function mergeOf(headSha: string): MergeRequest {
  return { headSha, method: "squash", title: "Title", message: "" };
}
