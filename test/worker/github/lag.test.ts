// GitHub's replicas lag: an object that it has just shown or taken may not be there for the next question.

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { failureOf, valueOf } from "../git/git-fixture.ts";
import { issueJson, pullJson, type Scripted, ScriptedGitHub } from "./scripted-github.ts";

const signal = new AbortController().signal;
const GONE: Scripted = { status: 404, body: { message: "Not Found" } };

describe("A 404", () => {
  let server: ScriptedGitHub;
  let github: GitHub;

  beforeEach(async () => {
    server = await ScriptedGitHub.start();
    github = server.connect();
  });

  afterEach(() => server[Symbol.asyncDispose]());

  /** The first `times` answers are 404. */
  const late = (request: string, times: number, answer: Scripted) => {
    let asked = 0;
    server.answers.set(request, () => ((asked += 1) > times ? answer : GONE));
  };

  it("is asked again for an issue that was just listed, and for what is below it", async () => {
    server.answers.set("GET /repos/acme/web/issues", { body: [issueJson(1)] });
    valueOf(await github.listIssues(null, signal));
    late("GET /repos/acme/web/issues/1", 2, { body: issueJson(1) });
    late("POST /repos/acme/web/issues/1/labels", 1, { body: [{ name: "a" }] });
    late("DELETE /repos/acme/web/issues/1/labels/b", 1, { body: [] });

    expect(valueOf(await github.issue(1, signal)).number).toBe(1);
    expect(valueOf(await github.addLabels(1, ["a"], signal))).toEqual(["a"]);
    valueOf(await github.removeLabel(1, "b", signal));

    expect(server.count("DELETE /repos/acme/web/issues/1/labels/b")).toBe(2);
    expect(server.events).toEqual([]);
  });

  it("is believed at once for what GitHub has not shown, and after some tries for what it has", async () => {
    expect(failureOf(await github.issue(1, signal)).kind).toBe("not-found");
    const first = server.count("GET /repos/acme/web/issues/1");
    server.answers.set("GET /repos/acme/web/issues", { body: [issueJson(1)] });
    valueOf(await github.listIssues(null, signal));

    expect(failureOf(await github.issue(1, signal)).kind).toBe("not-found");

    expect(first).toBe(1);
    expect(server.count("GET /repos/acme/web/issues/1") - first).toBe(4);
    expect(server.events).toHaveLength(2);
  });

  it("is asked again for a pull request that an earlier life of the worker knew", async () => {
    late("GET /repos/acme/web/pulls/2", 1, { body: pullJson(2) });

    expect(valueOf(await github.pull(2, signal)).number).toBe(2);
  });

  it("is believed for a label that the issue has not, and for an issue that was deleted", async () => {
    server.answers.set("GET /repos/acme/web/issues", { body: [issueJson(1)] });
    valueOf(await github.listIssues(null, signal));
    server.answers.set("DELETE /repos/acme/web/issues/1/labels/b", {
      status: 404,
      body: { message: "Label does not exist" },
    });
    server.answers.set("GET /repos/acme/web/issues/1", { status: 410, body: { message: "This issue was deleted" } });

    valueOf(await github.removeLabel(1, "b", signal));
    expect(failureOf(await github.issue(1, signal)).kind).toBe("not-found");

    expect(server.asked).toHaveLength(3);
  });

  it("is asked again for a comment that we made, and a branch that we pushed", async () => {
    const comment = { id: 5, user: { login: "bot[bot]" }, body: "", created_at: "", updated_at: "" };
    server.answers.set("POST /repos/acme/web/issues/1/comments", { body: comment });
    late("PATCH /repos/acme/web/issues/comments/5", 1, { body: comment });
    let tries = 0;
    server.answers.set("POST /repos/acme/web/pulls", () => {
      tries += 1;
      const errors = [{ resource: "PullRequest", field: "head", code: "invalid" }];
      return tries === 1
        ? { status: 422, body: { message: "Validation Failed", errors } }
        : { status: 201, body: pullJson(2) };
    });

    valueOf(await github.createComment(1, "", signal));
    expect(valueOf(await github.updateComment(5, "", signal)).id).toBe(5);
    const pull = { title: "T", body: "", head: "work", base: "main", draft: false };
    expect(valueOf(await github.createPull(pull, signal)).number).toBe(2);
    expect(server.count("POST /repos/acme/web/issues/1/comments")).toBe(1);
  });
});
