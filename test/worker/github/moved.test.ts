// GitHub answers about something else than what was asked: a transferred issue, a renamed repository, a number that is
// another's.

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { failureOf, valueOf } from "../git/git-fixture.ts";
import { issueJson, pullJson, repositoryJson, ScriptedGitHub } from "./scripted-github.ts";

const signal = new AbortController().signal;

describe("An answer about something else", () => {
  let server: ScriptedGitHub;
  let github: GitHub;

  beforeEach(async () => {
    server = await ScriptedGitHub.start();
    github = server.connect();
    server.answers.set("GET /repos/acme/web", { body: repositoryJson() });
  });

  afterEach(() => server[Symbol.asyncDispose]());

  const redirect = (from: string, to: string, status = 301) => {
    for (const method of ["GET", "PATCH", "POST"])
      server.answers.set(`${method} ${from}`, { status, body: {}, headers: { location: `${server.url}${to}` } });
  };

  it.each([
    ["another number", "/repos/acme/other/issues/9"],
    ["another number by GitHub's own address", "/repositories/99/issues/9"],
    ["the same number of another repository", "/repos/acme/other/issues/1"],
    ["the same number by GitHub's own address", "/repositories/99/issues/1"],
    ["something that is no issue", "/user"],
  ])("is not-found where an issue was transferred to %s", async (_name, to) => {
    redirect("/repos/acme/web/issues/1", to);
    redirect("/repos/acme/web/issues/1/comments", `${to}/comments`, 307);
    redirect("/repos/acme/web/issues/1/labels", `${to}/labels`, 307);
    for (const method of ["GET", "PATCH", "POST"])
      for (const below of ["", "/comments", "/labels"]) server.answers.set(`${method} ${to}${below}`, { body: [] });

    const refused = [
      await github.issue(1, signal),
      await github.closeIssue(1, "not_planned", signal),
      await github.comments(1, signal),
      await github.createComment(1, "text", signal),
      await github.addLabels(1, ["a"], signal),
    ];

    expect(refused.map((result) => failureOf<{ kind: string }>(result).kind)).toEqual(Array(5).fill("not-found"));
    expect(server.asked.filter(({ path }) => path.startsWith(to))).toEqual([]);
  });

  it.each([
    ["its new name", "/repos/acme/new"],
    ["GitHub's own address", "/repositories/7"],
  ])("is ours where the repository was renamed and the redirect leads to %s", async (_name, to) => {
    redirect("/repos/acme/web", "/repositories/7");
    redirect("/repos/acme/web/issues/1", `${to}/issues/1`);
    for (const path of ["/repositories/7", "/repos/acme/new"])
      server.answers.set(`GET ${path}`, { body: repositoryJson({ full_name: "acme/new" }) });
    const html_url = "https://github.test/acme/new/issues/1";
    for (const path of ["/repositories/7", "/repos/acme/new"])
      server.answers.set(`GET ${path}/issues/1`, { body: issueJson(1, { html_url }) });

    expect(valueOf(await github.issue(1, signal)).number).toBe(1);
    expect(valueOf(await github.issue(1, signal)).number).toBe(1);

    expect(server.count("GET /repos/acme/web")).toBe(1);
    expect(server.asked.at(-1)?.path).toContain("/issues/1");
  });

  it("asks for a renamed repository under its new name from the first look on", async () => {
    redirect("/repos/acme/web", "/repositories/7");
    server.answers.set("GET /repositories/7", { body: repositoryJson({ full_name: "neworg/site" }) });
    server.answers.set("GET /repos/neworg/site/pulls", { body: [pullJson(3)] });

    expect(valueOf(await github.repository(signal)).fullName).toBe("neworg/site");
    expect(valueOf(await github.pullsByBranch("work", signal))).toMatchObject([{ number: 3 }]);

    expect(server.asked.at(-1)?.query.get("head")).toBe("neworg:work");
  });

  it.each([
    ["another number", issueJson(2)],
    ["another repository in its address", issueJson(1, { html_url: "https://github.test/acme/other/issues/1" })],
    ["another repository by name", issueJson(1, { repository_url: "https://api.github.test/repos/acme/other" })],
  ])("is not-found where it has %s", async (_name, body) => {
    server.answers.set("GET /repos/acme/web/issues/1", { body });

    expect(failureOf(await github.issue(1, signal)).kind).toBe("not-found");
    expect(failureOf(await github.issue(1, signal)).kind).toBe("not-found");
    expect(server.count("GET /repos/acme/web")).toBeLessThanOrEqual(1);
  });

  it("is a failure that passes, and nothing that is gone, where GitHub does not say whose it is", async () => {
    const html_url = "https://github.test/acme/new/issues/1";
    server.answers.set("GET /repos/acme/web", { status: 502 });
    server.answers.set("GET /repos/acme/web/issues/1", { body: issueJson(1, { html_url }) });
    redirect("/repos/acme/web/issues/2", "/repositories/7/issues/2");

    for (const number of [1, 2]) expect(failureOf(await github.issue(number, signal)).retryable).toBe(true);
  });

  it("is ours where only the case of a name differs", async () => {
    const html_url = "https://github.test/Acme/WEB/issues/1";
    server.answers.set("GET /repos/acme/web/issues/1", { body: issueJson(1, { html_url }) });

    expect(valueOf(await github.issue(1, signal)).number).toBe(1);
    expect(server.count("GET /repos/acme/web")).toBe(0);
  });

  it("is not-found for comments of another issue and for another pull request", async () => {
    const comment = { id: 1, user: { login: "ann" }, body: "", created_at: "", updated_at: "" };
    const issue_url = "https://api.github.test/repos/acme/other/issues/1";
    server.answers.set("GET /repos/acme/web/issues/1/comments", { body: [{ ...comment, issue_url }] });
    server.answers.set("GET /repos/acme/web/pulls/1", { body: pullJson(2) });
    server.answers.set("GET /repos/acme/web/pulls/2", {
      body: pullJson(2, { base: { ref: "main", repo: { full_name: "acme/other" } } }),
    });

    expect(failureOf(await github.comments(1, signal)).kind).toBe("not-found");
    expect(failureOf(await github.pull(1, signal)).kind).toBe("not-found");
    expect(failureOf(await github.pull(2, signal)).kind).toBe("not-found");
  });
});
