import { createSign } from "node:crypto";

import { describe, expect, test } from "vitest";

import { ForgeRig, NAME, refusalOf, REPO } from "./forge-rig.ts";

const HOUR_MS = 3_600_000;

describe("apps of the forge", () => {
  test("an app proves itself with its key, and its installation's token lasts an hour", async () => {
    await using rig = await ForgeRig.start();
    const app = await install(rig);
    const asApp = rig.client(jwt(rig, app));

    const { data: itself } = await asApp.apps.getAuthenticated();
    const { data: installation } = await asApp.apps.getRepoInstallation(REPO);
    const { data: granted } = await asApp.apps.createInstallationAccessToken({ installation_id: installation.id });
    const octokit = rig.client(granted.token);
    await rig.forge.createIssue(NAME, { title: "One" });
    const { data: comment } = await octokit.issues.createComment({ ...REPO, issue_number: 1, body: "Hello" });
    rig.clock.advance(HOUR_MS);
    const late = await refusalOf(octokit.issues.get({ ...REPO, issue_number: 1 }));

    expect(itself).toMatchObject({ id: app.appId, slug: "our-app" });
    expect(comment.user).toMatchObject({ login: "our-app[bot]", type: "Bot" });
    expect(late).toMatchObject({ status: 401 });
  });

  test("a token signed with another key, an old one and a person's are no app", async () => {
    await using rig = await ForgeRig.start();
    const app = await install(rig);
    const other = await rig.forge.owner.installApp({ slug: "other", repositories: [], permissions: {} });
    const refused = async (token: string) => (await refusalOf(rig.client(token).apps.getAuthenticated())).status;

    expect(await refused(jwt(rig, { ...app, privateKey: other.privateKey }))).toBe(401);
    expect(await refused(jwt(rig, app, -HOUR_MS))).toBe(401);
    expect(await refused(rig.forge.token)).toBe(401);
  });

  test("an installation's token belongs to no user, and does what its permissions name and no more", async () => {
    await using rig = await ForgeRig.start();
    await install(rig);
    const permissions = { issues: "write", metadata: "read" } as const;
    await rig.forge.addToken("ghs_narrow", "our-app[bot]", { kind: "installation", permissions });
    const octokit = rig.client("ghs_narrow");

    const user = await refusalOf(octokit.users.getAuthenticated());
    const checks = await refusalOf(octokit.checks.listForRef({ ...REPO, ref: "main" }));
    const { data: viewer } = await octokit.request("POST /graphql", { query: "query { viewer { login } }" });
    const role = await refusalOf(octokit.repos.getCollaboratorPermissionLevel({ ...REPO, username: "our-app[bot]" }));

    expect([user, checks]).toMatchObject([
      { status: 403, message: expect.stringContaining("Resource not accessible by integration") },
      { status: 403 },
    ]);
    expect(viewer).toEqual({ data: { viewer: { login: "our-app[bot]" } } });
    expect(role).toMatchObject({ status: 404, message: expect.stringContaining("is not a user") });
  });

  test("GraphQL refuses fields that it does not have", async () => {
    await using rig = await ForgeRig.start();

    const { data } = await rig.client().request("POST /graphql", { query: "query { viewer { nonsense } }" });

    expect(data).toMatchObject({ errors: [{ message: expect.stringContaining("nonsense") }] });
  });
});

type Installed = Awaited<ReturnType<ForgeRig["forge"]["owner"]["installApp"]>>;

async function install(rig: ForgeRig): Promise<Installed> {
  const permissions = { contents: "write", issues: "write", pull_requests: "write" } as const;
  return await rig.forge.owner.installApp({ slug: "our-app", repositories: [NAME], permissions });
}

function jwt(rig: ForgeRig, app: Installed, shiftMs = 0): string {
  const now = Math.floor((rig.clock.now().getTime() + shiftMs) / 1_000);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iat: now - 60, exp: now + 540, iss: app.appId })}`;
  return `${text}.${createSign("sha256").update(text).sign(app.privateKey, "base64url")}`;
}
