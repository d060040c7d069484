// GitHub tells some things over GraphQL alone: who we are, edits of a body, the merge queue. Without it less remains.

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { GitHub } from "../../../../src/worker/github/port/github.ts";
import { failureOf, valueOf } from "../../git/git-fixture.ts";
import { pullJson, repositoryJson, type Scripted, ScriptedGitHub } from "../scripted-github.ts";

const signal = new AbortController().signal;
const REFUSED: Scripted = { status: 403, body: { message: "Resource not accessible by integration" } };
const PULL = { number: 3, nodeId: "PR_3", headSha: "a".repeat(40) };

describe("Over GraphQL", () => {
  let server: ScriptedGitHub;
  let github: GitHub;

  beforeEach(async () => {
    server = await ScriptedGitHub.start();
    github = server.connect();
  });

  afterEach(() => server[Symbol.asyncDispose]());

  describe("the viewer", () => {
    it("is told where GET /user is refused", async () => {
      server.answers.set("GET /user", REFUSED);
      server.graphql("viewer", { body: { data: { viewer: { login: "our-app[bot]" } } } });

      expect(valueOf(await github.viewer(signal))).toBe("our-app[bot]");
      expect(valueOf(await github.viewer(signal))).toBe("our-app[bot]");
      expect(server.asked).toHaveLength(2);
      expect(server.events).toEqual([]);
    });

    it("is nobody known where that is refused too, until an answer to a comment of ours names it", async () => {
      server.answers.set("GET /user", REFUSED);
      const comment = { id: 1, user: { login: "github-actions[bot]" }, body: "", created_at: "", updated_at: "" };
      server.answers.set("POST /repos/acme/web/issues/1/comments", { status: 201, body: comment });

      expect(valueOf(await github.viewer(signal))).toBeNull();
      valueOf(await github.createComment(1, "", signal));
      expect(valueOf(await github.viewer(signal))).toBe("github-actions[bot]");
    });

    it("is asked for again after GitHub broke while it answered", async () => {
      server.answers.set("GET /user", REFUSED);
      server.graphql("viewer", { body: { data: null, errors: [{ message: "Something went wrong." }] } });
      expect(failureOf(await github.viewer(signal)).retryable).toBe(true);
      server.graphql("viewer", { body: { data: { viewer: { login: "our-app[bot]" } } } });

      expect(valueOf(await github.viewer(signal))).toBe("our-app[bot]");
    });

    it("is a failure where the token is wrong or GitHub does not answer", async () => {
      server.answers.set("GET /user", { status: 401, body: { message: "Bad credentials" } });
      expect(failureOf(await github.viewer(signal)).kind).toBe("unauthorized");
      server.answers.set("GET /user", { status: 502 });
      expect(failureOf(await github.viewer(signal)).kind).toBe("server");
    });
  });

  describe("the history of a text", () => {
    const event = (name: string, at: string, more: object = {}) => ({
      event: name,
      created_at: `2026-01-01T00:00:${at}Z`,
      actor: { login: "ann" },
      ...more,
    });
    const label = (name: string) => ({ label: { name } });
    const actor = (login: string) => ({ login, __typename: login === "tidy" ? "Bot" : "User" });
    const body = (edits: readonly (readonly [string, string | null])[], hasNextPage = false) => {
      const nodes = edits.map(([at, login]) => ({
        editedAt: `2026-01-01T00:00:${at}Z`,
        editor: login === null ? null : actor(login),
      }));
      const userContentEdits = { nodes, pageInfo: { hasNextPage } };
      const lastEditedAt = nodes[0]?.editedAt ?? null;
      const issue = {
        author: actor("ann"),
        includesCreatedEdit: true,
        lastEditedAt,
        editor: nodes[0]?.editor ?? null,
        userContentEdits,
      };
      server.graphql("userContentEdits", { body: { data: { repository: { issue } } } });
    };

    it("has when the label was set last, and every change, oldest first", async () => {
      server.answers.set("GET /repos/acme/web/issues/1/events", {
        body: [
          event("renamed", "01"),
          event("labeled", "02", label("HydraFlow-Find")),
          event("renamed", "03"),
          event("labeled", "10", label("hydraflow-FIND")),
          event("labeled", "11", label("bug")),
          event("renamed", "20", { actor: null }),
        ],
      });
      body([
        ["30", "mallory"],
        ["25", "tidy"],
        ["15", null],
        ["05", "ann"],
        ["00", "ann"],
      ]);

      const edit = (what: string, by: string | null, at: string, byApp = false) => ({
        what,
        by,
        byApp,
        at: `2026-01-01T00:00:${at}Z`,
      });
      expect(valueOf(await github.textHistory(1, "hydraflow-find", signal))).toEqual({
        labelledAt: "2026-01-01T00:00:10Z",
        edits: [
          edit("title", "ann", "01"),
          edit("title", "ann", "03"),
          edit("body", "ann", "05"),
          edit("body", null, "15"),
          edit("title", null, "20"),
          edit("body", "tidy[bot]", "25", true),
          edit("body", "mallory", "30"),
        ],
        isComplete: true,
      });
    });

    it("tells an edit in the first second from the text as it was made", async () => {
      server.answers.set("GET /repos/acme/web/issues/1/events", { body: [] });
      body([
        ["00", "mallory"],
        ["00", "ann"],
      ]);

      expect(valueOf(await github.textHistory(1, "a", signal)).edits).toMatchObject([{ what: "body", by: "mallory" }]);
    });

    it("is not complete where GraphQL is refused, is not there or cuts the list", async () => {
      server.answers.set("GET /repos/acme/web/issues/1/events", { body: [event("labeled", "02", label("a"))] });
      const incomplete = { labelledAt: "2026-01-01T00:00:02Z", edits: [], isComplete: false };

      expect(valueOf(await github.textHistory(1, "a", signal))).toEqual(incomplete);
      server.answers.set("POST /api/graphql", REFUSED);
      expect(valueOf(await github.textHistory(1, "a", signal))).toEqual(incomplete);
      server.answers.set("POST /api/graphql", { body: { errors: [{ type: "FORBIDDEN", message: "no" }] } });
      expect(valueOf(await github.textHistory(1, "a", signal))).toEqual(incomplete);
      const unknownField = {
        message: "Field 'x' doesn't exist on type 'Issue'",
        extensions: { code: "undefinedField" },
      };
      server.answers.set("POST /api/graphql", { body: { errors: [unknownField] } });
      expect(valueOf(await github.textHistory(1, "a", signal))).toEqual(incomplete);
      server.answers.set("POST /api/graphql", {
        status: 401,
        body: { message: "This endpoint requires you to log in." },
      });
      expect(valueOf(await github.textHistory(1, "a", signal))).toEqual(incomplete);
      server.answers.delete("POST /api/graphql");
      body([["01", "ann"]], true);
      expect(valueOf(await github.textHistory(1, "a", signal)).isComplete).toBe(false);
    });

    const untyped = {
      message: "Something went wrong while executing your query. Please include `0401:6C25` in a report.",
    };
    it.each<[string, Scripted]>([
      ["does not answer", { status: 502 }],
      ["broke while it answered", { body: { data: null, errors: [untyped] } }],
      ["has no time", { body: { errors: [{ message: "Timeout on validation of query" }] } }],
      ["has none free", { body: { errors: [{ type: "SERVICE_UNAVAILABLE", message: "later" }] } }],
      ["answers something else", { body: { data: { repository: {} } } }],
    ])("is a failure, and no clean history, where GitHub %s", async (_what, answer) => {
      server.answers.set("GET /repos/acme/web/issues/1/events", { body: [] });
      server.answers.set("POST /api/graphql", answer);

      expect(failureOf(await github.textHistory(1, "a", signal))).toMatchObject({ kind: "server", retryable: true });
    });
  });

  describe("the merge queue", () => {
    it("takes a pull request with its head, and one that stands there already", async () => {
      server.graphql("enqueuePullRequest", {
        body: { data: { enqueuePullRequest: { mergeQueueEntry: { id: "1" } } } },
      });
      valueOf(await github.enqueue(PULL, signal));
      const variables: unknown = JSON.parse(server.asked[0]?.body ?? "");
      const already = { message: "Pull request is already in the merge queue", type: "UNPROCESSABLE" };
      server.graphql("enqueuePullRequest", { body: { data: null, errors: [already] } });
      valueOf(await github.enqueue(PULL, signal));
      const refused = { message: "Pull request is not mergeable", type: "UNPROCESSABLE" };
      server.graphql("enqueuePullRequest", { body: { data: null, errors: [refused] } });

      expect(failureOf(await github.enqueue(PULL, signal)).message).toContain("not mergeable");
      expect(variables).toMatchObject({ variables: { pull: "PR_3", head: PULL.headSha } });
    });

    it("lets a pull request go, and says no more than that it is not there", async () => {
      const dequeued = { dequeuePullRequest: { mergeQueueEntry: { id: "1" } } };
      server.graphql("dequeuePullRequest", { body: { data: dequeued } });
      valueOf(await github.dequeue(PULL, signal));
      expect(JSON.parse(server.asked[0]?.body ?? "")).toMatchObject({ variables: { pull: "PR_3" } });
      const refused = { message: "It cannot be taken out", type: "UNPROCESSABLE" };
      const entry = (mergeQueueEntry: object | null) =>
        server.graphql("query ($pull: ID!) { node", { body: { data: { node: { mergeQueueEntry } } } });
      server.graphql("dequeuePullRequest", { body: { data: null, errors: [refused] } });
      entry(null);
      valueOf(await github.dequeue(PULL, signal));
      entry({ id: "1" });

      expect(failureOf(await github.dequeue(PULL, signal)).message).toContain("cannot be taken out");
    });

    it("says whether it has a pull request", async () => {
      server.graphql("mergeQueueEntry", { body: { data: { node: { mergeQueueEntry: { id: "1" } } } } });
      expect(valueOf(await github.isQueued(PULL, signal))).toBe(true);
      server.graphql("mergeQueueEntry", { body: { data: { node: { mergeQueueEntry: null } } } });
      expect(valueOf(await github.isQueued(PULL, signal))).toBe(false);
    });
  });

  it("does not put the budget of GraphQL in the place of the one of REST", async () => {
    const budget = (resource: string, remaining: string) => ({
      "x-ratelimit-limit": "5000",
      "x-ratelimit-remaining": remaining,
      "x-ratelimit-reset": "1",
      "x-ratelimit-resource": resource,
    });
    server.answers.set("GET /repos/acme/web", { body: repositoryJson(), headers: budget("core", "10") });
    server.graphql("mergeQueueEntry", { body: { data: { node: null } }, headers: budget("graphql", "4000") });

    valueOf(await github.repository(signal));
    valueOf(await github.isQueued(PULL, signal));

    expect(github.rateLimit()?.remaining).toBe(10);
  });
});

describe("Over REST", () => {
  it("merges by the method that is asked for, and a rebase without words of ours", async () => {
    await using server = await ScriptedGitHub.start();
    const github = server.connect();
    const request = { headSha: "a".repeat(40), title: "T", message: "" } as const;
    server.answers.set("PUT /repos/acme/web/pulls/3/merge", { body: { sha: "b".repeat(40), merged: true } });

    valueOf(await github.merge(3, { ...request, method: "squash" }, signal));
    valueOf(await github.merge(3, { ...request, method: "rebase" }, signal));
    server.answers.set("PUT /repos/acme/web/pulls/3/merge", {
      status: 405,
      body: { message: "Squash merges are not allowed on this repository." },
    });

    expect(failureOf(await github.merge(3, { ...request, method: "squash" }, signal))).toMatchObject({
      reason: "method",
    });
    expect(server.asked.slice(0, 2).map(({ body }): unknown => JSON.parse(body))).toEqual([
      { merge_method: "squash", sha: request.headSha, commit_title: "T", commit_message: "" },
      { merge_method: "rebase", sha: request.headSha },
    ]);
  });

  it("names both paths of a renamed file, and refuses a list that GitHub cuts", async () => {
    await using server = await ScriptedGitHub.start();
    const github = server.connect();
    const files = [{ filename: "a" }, { filename: "new", previous_filename: ".github/old.yml" }];
    server.answers.set("GET /repos/acme/web/pulls/3/files", { body: files });
    expect(valueOf(await github.pullFiles(3, signal))).toEqual(["a", "new", ".github/old.yml"]);

    const many = Array.from({ length: 3_000 }, (_, at) => ({ filename: `${at}` }));
    server.answers.set("GET /repos/acme/web/pulls/3/files", { body: many });
    expect(failureOf(await github.pullFiles(3, signal)).message).toContain("3000");
  });

  it.each([
    [{ permissions: { pull: true, push: false } }, false],
    [{ permissions: { pull: true, push: true } }, true],
    [{ permissions: { pull: false, push: false } }, null],
    [{}, null],
  ])("says of %j whether we may push: %s", async (more, mayPush) => {
    await using server = await ScriptedGitHub.start();
    server.answers.set("GET /repos/acme/web", {
      body: repositoryJson({
        ...more,
        archived: true,
        has_issues: false,
        allow_squash_merge: false,
        allow_rebase_merge: true,
      }),
    });

    expect(valueOf(await server.connect().repository(signal))).toEqual({
      fullName: "acme/web",
      defaultBranch: "main",
      isArchived: true,
      hasIssues: false,
      mergeMethods: ["rebase"],
      mayPush,
    });
  });

  it("shows a pull request's author, its name for GraphQL and whether it merges", async () => {
    await using server = await ScriptedGitHub.start();
    server.answers.set("GET /repos/acme/web/pulls/3", { body: pullJson(3, { mergeable: false }) });

    expect(valueOf(await server.connect().pull(3, signal))).toMatchObject({
      nodeId: "PR_3",
      author: "ann",
      mergeable: false,
    });
  });
});
