import { describe, expect, test } from "vitest";

import { ForgeRig, NAME } from "./forge-rig.ts";

const HTML = { accept: "text/html,*/*" };

describe("pages of the forge", () => {
  test("the links that GitHub objects carry lead a person to the issue and the pull request, with all text escaped", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.createIssue(NAME, { title: "<script>alert(1)</script>", body: "a < b", labels: ["find"] });
    await rig.forge.addComment(NAME, 1, "ann", "hello");
    const pull_number = await rig.openPull("feature");
    const { data: issue } = await rig.client().issues.get({ owner: "acme", repo: "web", issue_number: 1 });
    const { data: pull } = await rig.client().pulls.get({ owner: "acme", repo: "web", pull_number });

    const responses = await Promise.all(
      [issue.html_url, pull.html_url, issue.html_url.replace("/issues/1", "")].map((url) =>
        fetch(url, { headers: HTML }),
      ),
    );
    const [issuePage = "", pullPage = "", list = ""] = await Promise.all(responses.map((response) => response.text()));

    expect(responses.map((response) => response.status)).toEqual([200, 200, 200]);
    expect(responses[0]?.headers.get("content-security-policy")).toContain("default-src 'none'");
    for (const text of ["&lt;script&gt;alert(1)", "a &lt; b", "hello", "find"]) expect(issuePage).toContain(text);
    expect(pullPage).toContain("+feature");
    expect(list).toContain(`<a href="/acme/web/pull/${pull_number}">Title of feature</a>`);
    expect(issuePage + list).not.toContain("<script");
  });

  test("a private repository has none", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.createRepository({ owner: "acme", name: "secret", private: true });
    await rig.forge.createIssue("acme/secret", { title: "One" });

    const response = await fetch(`${rig.forge.url}/acme/secret/issues/1`, { headers: HTML });

    expect(response.status).toBe(401);
    expect(rig.recorder.takeProblems()).toHaveLength(1); // A page's path is no operation of the API.
  });
});
