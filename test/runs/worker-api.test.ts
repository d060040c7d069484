// Calls the worker's own HTTP API, over a real socket, around a worker with a GitHub in memory.

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { hashToken } from "../../src/core/http/bearer-token.ts";
import { startWorkerServer } from "../../src/worker/api/worker-server.ts";
import { RepoRuntimeRegistry } from "../../src/worker/runtime/repo-runtime-registry.ts";
import type { RepoRuntime } from "../../src/worker/runtime/repo-runtime.ts";
import { hangs, verdict } from "../support/scripted-agent.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

const TOKEN = "a-token-of-the-operator";

/** The tests read this much of an answer; each route has some of it. */
interface Row {
  readonly issue: number;
  readonly stage: string;
  readonly state: string;
  readonly type: string;
  readonly id: number;
  readonly boot: string;
  readonly question: string;
  readonly counters: unknown;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: {
    readonly items: readonly Row[];
    readonly runtimes: readonly unknown[];
    readonly why: readonly string[];
  };
}

interface Api extends AsyncDisposable {
  readonly rig: PipelineRig;
  readonly worker: RepoRuntime;
  readonly port: number;
  call(
    path: string,
    init?: { method?: string; body?: unknown; token?: string | null; headers?: Record<string, string> },
  ): Promise<Answer>;
}

async function openApi(prepare: (rig: PipelineRig) => void = () => undefined): Promise<Api> {
  await using resources = new AsyncDisposableStack();
  const rig = resources.use(await PipelineRig.create());
  prepare(rig);
  const worker = await rig.start();
  const registry = new RepoRuntimeRegistry();
  registry.add(worker);
  const server = resources.use(await startWorkerServer(worker, registry, [hashToken(TOKEN)]));
  const kept = resources.move();
  return {
    rig,
    worker,
    port: server.port,
    call: (path, init = {}) => call(server.port, path, init),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function call(
  port: number,
  path: string,
  { method = "GET", body, token = TOKEN, headers = {} }: NonNullable<Parameters<Api["call"]>[1]>,
): Promise<Answer> {
  const given = {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...headers,
  };
  // Fetch would not do: it sets the Host header itself.
  const outgoing = request({ host: "127.0.0.1", port, path, method, headers: given, agent: false });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const answered = await text(answer);
  const type = answer.headers["content-type"] ?? "";
  return {
    status: answer.statusCode ?? 0,
    type,
    headers: answer.headers,
    body: (type.includes("json") ? JSON.parse(answered) : answered) as Answer["body"],
  };
}

describe("The worker's API", () => {
  it("tells nothing without the token, and nothing to another page or host", async () => {
    await using api = await openApi();

    expect(await api.call("/livez", { token: null })).toMatchObject({ status: 200, body: "ok" });
    expect(await api.call("/api/pipeline", { token: null })).toMatchObject({
      status: 401,
      type: "application/problem+json",
    });
    expect(await api.call("/api/pipeline", { token: "another-token" })).toMatchObject({ status: 401 });
    expect(await api.call("/api/pipeline", { headers: { origin: "http://evil.test" } })).toMatchObject({ status: 403 });
    expect(await api.call("/api/pipeline", { headers: { host: "evil.test" } })).toMatchObject({ status: 403 });
    expect(await api.call("/api/nowhere")).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  it("tells browsers to guess, keep and frame nothing", async () => {
    await using api = await openApi();

    for (const path of ["/livez", "/api/pipeline", "/api/nowhere"]) {
      expect((await api.call(path)).headers, path).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      });
    }
  });

  it("lists exactly itself, and stops and starts its pipeline", async () => {
    await using api = await openApi();

    const { body } = await api.call("/api/runtimes");
    expect(body.runtimes).toHaveLength(1);
    expect(body.runtimes[0]).toMatchObject({ slug: "acme-web", repo: "acme/web", running: true });
    expect((await api.call("/api/runtimes/other")).status).toBe(404);
    expect((await api.call("/api/runtimes/acme-web/stop", { method: "POST" })).body).toMatchObject({ running: false });
    const issue = api.rig.addIssue();
    expect((await api.call("/api/workers")).body.items.map(({ state }) => state)).toEqual(Array(5).fill("stopped"));
    expect((await api.call("/api/runtimes/acme-web/start", { method: "POST" })).body).toMatchObject({ running: true });
    await api.rig.untilLabel(issue.number, "fixed");
  });

  it("says of each issue where it stands and why it does not move", async () => {
    await using api = await openApi((rig) => rig.agent.next("triage", hangs));
    const first = api.rig.addIssue();
    const second = api.rig.addIssue("Add the second missing part");
    const stranger = api.rig.addIssue("Nothing for the machine", "");
    await api.rig.until(
      "triage works and the second waits",
      () => api.rig.agent.turns.length === 1 && api.worker.orchestrator?.store.find(second.number) !== undefined,
    );

    const { body: rows } = await api.call("/api/pipeline");
    const { body: queued } = await api.call(`/api/issues/${second.number}`);

    expect(rows.items).toMatchObject([
      { issue: first.number, stage: "triage", status: "active", attempt: 1 },
      { issue: second.number, stage: "triage", status: "queued" },
    ]);
    expect(queued).toMatchObject({
      issue: second.number,
      title: "Add the second missing part",
      stage: "triage",
      state: "open",
    });
    expect(queued.why).toEqual(["number 1 of 1 in the queue of triage, which has 1 slots, 1 of them busy"]);
    expect((await api.call(`/api/issues/${first.number}`)).body.why[0]).toMatch(
      /^triage works on it since .*, attempt 1, step prompted$/,
    );
    expect((await api.call("/api/issues/999")).status).toBe(404);
    expect((await api.call("/api/issues/abc")).status).toBe(400);
    expect(rows.items.some(({ issue }) => issue === stranger.number)).toBe(false);
  });

  it("shows the open questions and takes an answer once, with a reason where there must be one", async () => {
    await using api = await openApi((rig) =>
      rig.agent.next("triage", () =>
        verdict({ ready: false, reasons: ["unclear"], type: "bug", complexity: 1, question: "Which one?" }),
      ),
    );
    const issue = api.rig.addIssue();
    await api.rig.untilHandedOver(api.worker, issue.number);
    await api.rig.until(
      "the question is listed",
      () => api.worker.orchestrator?.store.queues().hitl.queued.length === 1,
    );

    const { body } = await api.call("/api/hitl");
    expect(body.items).toMatchObject([{ issue: issue.number, stage: "triage", cause: "not-ready" }]);
    expect(body.items[0]?.question).toContain("Which one?");
    expect((await api.call(`/api/issues/${issue.number}`)).body.why[0]).toContain("waits for a person's answer since");
    expect(await api.call(`/api/hitl/${issue.number}/skip`, { method: "POST", body: {} })).toMatchObject({
      status: 400,
    });
    expect(
      await api.call(`/api/hitl/${issue.number}/correct`, { method: "POST", body: { text: "   " } }),
    ).toMatchObject({ status: 400 });
    expect(await api.call("/api/hitl/77/correct", { method: "POST", body: { text: "x" } })).toMatchObject({
      status: 404,
    });
    expect(
      await api.call(`/api/hitl/${issue.number}/correct`, { method: "POST", body: { text: "The first." } }),
    ).toMatchObject({ status: 200 });
    await api.rig.untilLabel(issue.number, "fixed");

    expect(api.worker.state.issue(issue.number).guidance).toMatchObject([{ text: "The first.", by: "operator" }]);
  });

  it("shows sessions, metrics, loops and events in rows", async () => {
    await using api = await openApi();
    const issue = api.rig.addIssue();
    await api.rig.untilEnded(api.worker, issue.number);
    await api.rig.until("it is out of hand", () => api.worker.inFlight === 0);

    expect((await api.call("/api/sessions")).body.items[0]).toMatchObject({
      repo: "acme-web",
      status: "active",
      boot: "boot-1",
    });
    expect((await api.call("/api/workers")).body.items.map(({ stage }) => stage)).toEqual([
      "triage",
      "plan",
      "implement",
      "review",
      "hitl",
    ]);
    expect((await api.call("/api/metrics")).body.items[0]?.counters).toMatchObject({
      "review.close": 1,
      "plan.advance": 1,
    });
    const { body } = await api.call("/api/events?limit=1000");
    const merged = body.items.find(({ type }) => type === "pull.merged");
    const after = await api.call(`/api/events?since=${merged?.boot}:${merged?.id}&limit=1`);
    expect(after.body.items.map(({ id }) => id)).toEqual([(merged?.id ?? 0) + 1]);
    expect((await api.call("/api/events?since=nonsense")).status).toBe(400);
    expect((await api.call("/api/events?limit=0")).status).toBe(400);
  });
});

describe("The worker's event stream", () => {
  it("goes on after the reader's cursor without a gap or a double", async () => {
    await using api = await openApi();
    await api.rig.until("the first event is told", () => api.worker.bus.recent(10).length > 0);
    const [first] = api.worker.bus.recent(10);
    const socket = new WebSocket(`ws://127.0.0.1:${api.port}/ws?since=${first?.boot}:${first?.id}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const seen: { id: number; type: string }[] = [];
    socket.on("message", (data: Buffer) => seen.push(JSON.parse(data.toString("utf8")) as (typeof seen)[number]));
    await once(socket, "open");
    api.rig.addIssue();

    await api.rig.until("the merge is seen", () => seen.some(({ type }) => type === "pull.merged"));
    socket.close();

    expect(seen.map(({ id }) => id)).toEqual(seen.map((_, index) => (first?.id ?? 0) + 1 + index));
  });

  it("is refused without the token and for another page", async () => {
    await using api = await openApi();
    const refusal = async (headers: Record<string, string>): Promise<number> => {
      const socket = new WebSocket(`ws://127.0.0.1:${api.port}/ws`, { headers });
      socket.on("error", () => undefined);
      const [, answer] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number }];
      socket.terminate();
      return answer.statusCode;
    };

    expect(await refusal({})).toBe(401);
    expect(await refusal({ authorization: `Bearer ${TOKEN}`, origin: "http://evil.test" })).toBe(403);
  });
});
