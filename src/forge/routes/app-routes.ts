// A GitHub App asks here who it is and where it is installed, and makes tokens of an installation, which last an hour.

import { randomBytes } from "node:crypto";

import { z } from "../../core/base/schema.ts";
import { type ApiAnswer, answer, notFound, refusal } from "../api/api-answer.ts";
import { type ApiRequest, type ApiRouter, readBody } from "../api/api-router.ts";
import { type AppRecord, botLogin } from "../store/app-registry.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { listAnswer } from "../api/pagination.ts";
import { isoSeconds } from "../store/repository-record.ts";
import { repositoryView } from "../views/repository-view.ts";
import { BEGINNING, nodeId, userId, userView } from "../views/user-view.ts";

const TOKEN_BYTES = 18;

const tokenSchema = z.object({
  repositories: z.optional(z.array(z.string())),
  permissions: z.optional(z.record(z.string(), z.enum(["read", "write"]))),
});

export function appRoutes(router: ApiRouter, core: ForgeCore): void {
  router.on("GET /app", (request) => asApp(core, request, (app) => answer(200, appView(core.origin, app))));

  router.on("GET /app/installations", (request) =>
    asApp(core, request, (app) => listAnswer(request, [app], (each) => installationView(core.origin, each))),
  );

  router.on("GET /app/installations/:id{[0-9]+}", (request, { id }) =>
    asApp(core, request, (app) =>
      app.installationId === Number(id) ? answer(200, installationView(core.origin, app)) : notFound(),
    ),
  );

  router.on("GET /repos/:owner/:repo/installation", (request, { owner, repo }) =>
    asApp(core, request, (app) =>
      app.repositories.includes(`${owner}/${repo}`.toLowerCase())
        ? answer(200, installationView(core.origin, app))
        : notFound(),
    ),
  );

  router.on("POST /app/installations/:id{[0-9]+}/access_tokens", (request, { id }) =>
    asApp(core, request, (app) => (app.installationId === Number(id) ? grant(core, request, app) : notFound())),
  );

  router.on("GET /installation/repositories", (request) => {
    if (request.token?.kind !== "installation") return refusal(403, "Resource not accessible by personal access token");
    const app = core.apps.all().find((each) => botLogin(each) === request.login);
    const found = (app?.repositories ?? []).flatMap((name) => core.store.find(name) ?? []);
    const repositories = found.map(({ record }) => repositoryView(core.origin, record, request.login));
    return answer(200, { total_count: repositories.length, repositories });
  });
}

/** A token of a person, or of an installation, is no app. */
async function asApp(
  core: ForgeCore,
  request: ApiRequest,
  act: (app: AppRecord) => ApiAnswer | Promise<ApiAnswer>,
): Promise<ApiAnswer> {
  const app = core.apps.all().find((each) => botLogin(each) === request.login);
  if (request.token !== null || app === undefined) return refusal(401, "A JSON web token could not be decoded");
  return await act(app);
}

async function grant(core: ForgeCore, request: ApiRequest, app: AppRecord): Promise<ApiAnswer> {
  const input = readBody(request, tokenSchema, "Installation");
  if (!input.ok) return input.failure;
  const permissions = input.value.permissions ?? app.permissions;
  const tooMuch = Object.keys(permissions).some((name) => app.permissions[name] === undefined);
  if (tooMuch) return refusal(422, "The permissions requested are not granted to this installation.");
  const token = `ghs_${randomBytes(TOKEN_BYTES).toString("hex")}`;
  const expiresAt = isoSeconds(new Date(core.clock.now().getTime() + app.tokenTtlMs));
  await core.tokens.add({ token, login: botLogin(app), kind: "installation", permissions, expiresAt });
  return answer(201, { token, expires_at: expiresAt, permissions, repository_selection: "selected" });
}

function appView(origin: string, app: AppRecord) {
  return {
    id: app.id,
    slug: app.slug,
    node_id: nodeId("App", app.id),
    client_id: `Iv1.${userId(app.slug)}`,
    owner: userView(origin, app.owner),
    name: app.slug,
    description: null,
    external_url: origin,
    html_url: `${origin}/apps/${app.slug}`,
    created_at: BEGINNING,
    updated_at: BEGINNING,
    permissions: app.permissions,
    events: [],
    installations_count: 1,
  };
}

function installationView(origin: string, app: AppRecord) {
  const url = `${origin}/api/v3/app/installations/${app.installationId}`;
  return {
    id: app.installationId,
    account: userView(origin, app.owner),
    repository_selection: "selected",
    access_tokens_url: `${url}/access_tokens`,
    repositories_url: `${origin}/api/v3/installation/repositories`,
    html_url: `${origin}/settings/installations/${app.installationId}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: userId(app.owner),
    target_type: "User",
    permissions: app.permissions,
    events: [],
    created_at: BEGINNING,
    updated_at: BEGINNING,
    single_file_name: null,
    suspended_by: null,
    suspended_at: null,
  };
}
