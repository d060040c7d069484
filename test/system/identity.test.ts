import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { DaemonRig } from "../support/daemon-rig.ts";
import { makeCheckout } from "../support/sample-checkout.ts";

const OFFLINE = { githubApiUrl: "http://127.0.0.1:9" };

test("two directories named web become two repositories with disjoint trees", async () => {
  await using rig = await DaemonRig.start({ config: OFFLINE });
  const first = await makeCheckout({
    directory: join(rig.directory, "one", "web"),
    origin: "https://github.com/acme/web.git",
  });
  const second = await makeCheckout({
    directory: join(rig.directory, "two", "web"),
    origin: "git@github.com:other/web.git",
  });

  const added = [
    await rig.http("POST", "/api/repos", { path: first }),
    await rig.http("POST", "/api/repos", { path: second }),
  ];

  expect(added.map(({ body }) => body["slug"])).toEqual(["acme-web", "other-web"]);
  const [one, two] = await rig.repositories();
  expect(one?.pid).not.toBe(two?.pid);
  expect(one?.port).not.toBe(two?.port);
  expect(await readdir(rig.paths.home)).toEqual(expect.arrayContaining(["acme-web", "other-web"]));
});

test("a-b/c beside a/b-c gets a slug of its own, in either order", async () => {
  await using rig = await DaemonRig.start({ config: OFFLINE });
  const first = await makeCheckout({ directory: join(rig.directory, "one"), origin: "https://github.com/a-b/c.git" });
  const second = await makeCheckout({ directory: join(rig.directory, "two"), origin: "https://github.com/a/b-c.git" });

  const added = [
    await rig.http("POST", "/api/repos", { path: first }),
    await rig.http("POST", "/api/repos", { path: second }),
  ];

  const slugs = added.map(({ body }) => String(body["slug"]));
  expect(slugs[0]).toBe("a-b-c");
  expect(slugs[1]).toMatch(/^a-b-c-[0-9a-f]{6}$/);
  const logs = (await rig.repositories()).map((entry) => entry.log_file);
  expect(new Set(logs).size).toBe(2);
});

test("Acme/Web beside acme/web is refused, because GitHub knows them as one", async () => {
  await using rig = await DaemonRig.start({ config: OFFLINE });
  const first = await makeCheckout({
    directory: join(rig.directory, "one"),
    origin: "https://github.com/acme/web.git",
  });
  const second = await makeCheckout({
    directory: join(rig.directory, "two"),
    origin: "https://github.com/Acme/Web.git",
  });
  await rig.http("POST", "/api/repos", { path: first });

  const refused = await rig.http("POST", "/api/repos", { path: second });

  expect(refused).toMatchObject({ status: 409, body: { code: "already_registered" } });
  expect(await rig.repositories()).toHaveLength(1);
});

test("the directory's name never decides: repo_slug and the origin do, and an origin that names nothing is refused with the hint", async () => {
  await using rig = await DaemonRig.start({ config: OFFLINE });
  const checkout = await makeCheckout({
    directory: join(rig.directory, "some", "where"),
    origin: join(rig.directory, "bare.git"),
  });

  const refused = await rig.http("POST", "/api/repos", { path: checkout });
  const added = await rig.http("POST", "/api/repos", { path: checkout, repo_slug: "acme/tool" });

  expect(refused).toMatchObject({ status: 422, body: { code: "no_repository_name" } });
  expect(String(refused.body["detail"])).toContain("repo_slug");
  expect(added.body["slug"]).toBe("acme-tool");
});
