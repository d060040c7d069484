import { describe, expect, test } from "vitest";

import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

describe("issues of the forge", () => {
  test("an issue is created, read, edited and closed, and the ledger tells it in order", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();

    const { data: made } = await octokit.issues.create({
      ...REPO,
      title: "Crash",
      body: "It crashes",
      labels: ["bug"],
    });
    await octokit.issues.update({ ...REPO, issue_number: made.number, title: "Crash at start" });
    await octokit.issues.update({ ...REPO, issue_number: made.number, state: "closed", state_reason: "not_planned" });
    const { data: issue } = await octokit.issues.get({ ...REPO, issue_number: made.number });

    expect(issue).toMatchObject({
      number: 1,
      title: "Crash at start",
      body: "It crashes",
      state: "closed",
      state_reason: "not_planned",
      user: { login: rig.forge.login },
    });
    expect(
      rig.forge.ledger.filter((entry) => entry.number === 1).map((entry) => [entry.kind, entry.actor, entry.method]),
    ).toEqual([
      ["issue.created", rig.forge.login, "POST"],
      ["label.added", rig.forge.login, "POST"],
      ["issue.updated", rig.forge.login, "PATCH"],
      ["issue.closed", rig.forge.login, "PATCH"],
    ]);
  });

  test("labels are added, removed and replaced; what was there already leaves no trace in the ledger", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    const issue_number = await rig.forge.createIssue(NAME, { title: "One", labels: ["find"] });

    const { data: added } = await octokit.issues.addLabels({ ...REPO, issue_number, labels: ["plan", "FIND"] });
    const { data: removed } = await octokit.issues.removeLabel({ ...REPO, issue_number, name: "find" });
    const refused = await refusalOf(octokit.issues.removeLabel({ ...REPO, issue_number, name: "find" }));
    const { data: replaced } = await octokit.issues.setLabels({ ...REPO, issue_number, labels: ["ready"] });
    const { data: listed } = await octokit.issues.listLabelsOnIssue({ ...REPO, issue_number });

    expect(added.map((label) => label.name)).toEqual(["find", "plan"]);
    expect(removed.map((label) => label.name)).toEqual(["plan"]);
    expect(refused.status).toBe(404);
    expect(replaced).toEqual(listed);
    expect(rig.forge.issue(NAME, issue_number).labels).toEqual(["ready"]);
    const changes = rig.forge.ledger.filter(
      (entry) => entry.method !== "LOCAL" && /^label\.(added|removed)$/.test(entry.kind),
    );
    expect(changes.map((entry) => `${entry.kind} ${String(entry.detail["label"])}`)).toEqual([
      "label.added plan",
      "label.removed find",
      "label.removed plan",
      "label.added ready",
    ]);
  });

  test("labels of the repository are made once, renamed on every issue, and removed from all", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await octokit.issues.createLabel({ ...REPO, name: "find", color: "e4e669", description: "To be triaged" });
    await rig.forge.createIssue(NAME, { title: "One", labels: ["find"] });

    const again = await refusalOf(octokit.issues.createLabel({ ...REPO, name: "Find", color: "000000" }));
    const { data: renamed } = await octokit.issues.updateLabel({
      ...REPO,
      name: "find",
      new_name: "found",
      color: "ffffff",
    });
    const labelsAfterRename = rig.forge.issue(NAME, 1).labels;
    const { data: listed } = await octokit.issues.listLabelsForRepo(REPO);
    await octokit.issues.deleteLabel({ ...REPO, name: "found" });

    expect(again.status).toBe(422);
    expect(renamed).toMatchObject({ name: "found", color: "ffffff", description: "To be triaged" });
    expect(listed).toEqual([renamed]);
    expect(labelsAfterRename).toEqual(["found"]);
    expect(rig.forge.issue(NAME, 1).labels).toEqual([]);
  });

  test("comments are made, listed since a time, edited and deleted, and each moves updated_at of the issue", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    const issue_number = await rig.forge.createIssue(NAME, { title: "One", author: "ann" });
    const updatedAt = () => rig.forge.issue(NAME, issue_number).updatedAt;
    const times = [updatedAt()];

    rig.clock.advance(1_000);
    const { data: first } = await octokit.issues.createComment({ ...REPO, issue_number, body: "first" });
    times.push(updatedAt());
    rig.clock.advance(1_000);
    await rig.forge.addComment(NAME, issue_number, "ann", "second");
    const { data: newer } = await octokit.issues.listComments({ ...REPO, issue_number, since: "2026-01-01T00:00:02Z" });
    rig.clock.advance(1_000);
    await octokit.issues.updateComment({ ...REPO, comment_id: first.id, body: "first, mended" });
    times.push(updatedAt());
    const { data: one } = await octokit.issues.getComment({ ...REPO, comment_id: first.id });
    await octokit.issues.deleteComment({ ...REPO, comment_id: first.id });
    const { data: left } = await octokit.issues.listComments({ ...REPO, issue_number });

    expect(times).toEqual(["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:03Z"]);
    expect(newer.map((comment) => comment.body)).toEqual(["second"]);
    expect(one).toMatchObject({
      body: "first, mended",
      created_at: "2026-01-01T00:00:01Z",
      updated_at: "2026-01-01T00:00:03Z",
    });
    expect(left.map((comment) => [comment.user?.login, comment.body])).toEqual([["ann", "second"]]);
  });

  test("lists filter by state, labels and time, sort both ways, and hold pull requests too", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await rig.forge.createIssue(NAME, { title: "one", labels: ["a", "b"] });
    rig.clock.advance(1_000);
    await rig.forge.createIssue(NAME, { title: "two", labels: ["a"] });
    rig.clock.advance(1_000);
    await rig.openPull("feature");
    rig.clock.advance(1_000);
    await rig.forge.editIssue(NAME, 1, { state: "closed" });
    const numbers = async (query: object) =>
      (await octokit.issues.listForRepo({ ...REPO, ...query })).data.map((issue) => issue.number);

    expect(await numbers({})).toEqual([3, 2]);
    expect(await numbers({ state: "all" })).toEqual([3, 2, 1]);
    expect(await numbers({ state: "all", sort: "updated" })).toEqual([1, 3, 2]);
    expect(await numbers({ state: "all", direction: "asc" })).toEqual([1, 2, 3]);
    expect(await numbers({ state: "all", labels: "A,b" })).toEqual([1]);
    expect(await numbers({ state: "all", since: "2026-01-01T00:00:02.000Z" })).toEqual([3, 1]);
    expect(await numbers({ state: "all", since: "2026-01-01T02:00:03+02:00" })).toEqual([1]);
    const { data } = await octokit.issues.listForRepo({ ...REPO, state: "open" });
    expect(data.map((issue) => issue.pull_request === undefined)).toEqual([false, true]);
  });

  test("pages follow the Link header to the end, also below the prefix of an enterprise server", async () => {
    await using rig = await ForgeRig.start();
    for (let number = 1; number <= 7; number += 1) await rig.forge.createIssue(NAME, { title: `Issue ${number}` });
    const octokit = rig.client(rig.forge.token, `${rig.forge.url}/api/v3`);

    const all = await octokit.paginate(octokit.issues.listForRepo, { ...REPO, per_page: 3, direction: "asc" });
    const middle = await octokit.issues.listForRepo({ ...REPO, per_page: 3, page: 2 });
    const whole = await octokit.issues.listForRepo({ ...REPO, per_page: 7 });
    const beyond = await octokit.issues.listForRepo({ ...REPO, per_page: 3, page: 9 });

    expect(all.map((issue) => issue.number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const page = (number: number) => `<${rig.forge.url}/api/v3/repos/acme/web/issues?per_page=3&page=${number}>`;
    expect(middle.headers.link).toBe(
      `${page(1)}; rel="prev", ${page(3)}; rel="next", ${page(3)}; rel="last", ${page(1)}; rel="first"`,
    );
    expect(whole.headers.link).toBeUndefined();
    expect(beyond.data).toEqual([]);
  });

  test("names of repositories are compared without case, and only who may read a private one learns of it", async () => {
    await using rig = await ForgeRig.start();
    await rig.forge.createRepository({ owner: "acme", name: "Secret", private: true, collaborators: { ann: "read" } });
    await rig.forge.createIssue("ACME/secret", { title: "One" });
    const ann = await rig.clientOf("ann");
    const bob = await rig.clientOf("bob");
    const repository = { owner: "Acme", repo: "SECRET" };

    const { data: seen } = await ann.repos.get(repository);
    const hidden = await refusalOf(bob.repos.get(repository));
    const label = await refusalOf(ann.issues.addLabels({ ...repository, issue_number: 1, labels: ["x"] }));
    const other = await refusalOf(ann.issues.update({ ...repository, issue_number: 1, state: "closed" }));

    expect(seen).toMatchObject({ full_name: "acme/Secret", private: true, permissions: { pull: true, push: false } });
    expect([hidden.status, label.status, other.status]).toEqual([404, 403, 403]);
    expect(rig.forge.issue("acme/secret", 1)).toMatchObject({ state: "open", labels: [] });
  });

  test("the permission of a login is told in both of GitHub's words, and of nobody unknown", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await rig.forge.addCollaborator(NAME, "Maria", "maintain");
    await rig.forge.createIssue(NAME, { title: "One", author: "visitor" });
    const of = async (username: string) => {
      const { data } = await octokit.repos.getCollaboratorPermissionLevel({ ...REPO, username });
      return [data.permission, data.role_name];
    };

    expect(await of("acme")).toEqual(["admin", "admin"]);
    expect(await of("MARIA")).toEqual(["write", "maintain"]);
    expect(await of("visitor")).toEqual(["read", "read"]);
    expect((await refusalOf(of("nobody"))).status).toBe(404);
  });

  test("a body without what GitHub requires, or above its limit, is refused with 422 and changes nothing", async () => {
    await using rig = await ForgeRig.start();
    const octokit = rig.client();
    await rig.forge.createIssue(NAME, { title: "One" });

    const empty = await rig.fetch(`/repos/${NAME}/issues`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    const long = await refusalOf(octokit.issues.createComment({ ...REPO, issue_number: 1, body: "x".repeat(65_537) }));

    expect(empty.status).toBe(422);
    expect(await empty.json()).toMatchObject({
      message: "Validation Failed",
      errors: [{ resource: "Issue", field: "title", code: "missing_field" }],
    });
    expect(long.status).toBe(422);
    expect(rig.forge.ledger.filter((entry) => entry.method !== "LOCAL")).toEqual([]);
    expect(rig.recorder.takeProblems()).toHaveLength(1); // The check sees a bad client in the empty one.
  });
});
