// A repository, who may do what in it, and its webhooks.

import { z } from "../../core/schema.ts";
import { answer, invalid, notFound } from "../api-answer.ts";
import { type ApiRouter, readBody } from "../api-router.ts";
import { type ForgeCore, isoNow } from "../forge-core.ts";
import { knownLogins } from "../known-logins.ts";
import { listAnswer } from "../pagination.ts";
import { legacyPermission, permissionOf } from "../permission.ts";
import { nextId, type WebhookRecord } from "../repository-record.ts";
import { repositoryApiUrl, repositoryView } from "../views/repository-view.ts";
import { userView } from "../views/user-view.ts";
import { isLoopbackUrl } from "../webhook-sender.ts";

const webhookSchema = z.object({
  active: z.optional(z.boolean()),
  events: z.optional(z.array(z.string())),
  config: z.object({ url: z.string(), secret: z.optional(z.string()), content_type: z.optional(z.string()) }),
});

export function repositoryRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET ", "read", ({ request, repository }) =>
    answer(200, repositoryView(core.origin, repository.record, request.login)),
  );

  router.onRepository("GET /collaborators/:username/permission", "read", ({ params, repository }) => {
    const login = knownLogins(core, repository).get((params["username"] ?? "").toLowerCase());
    if (login === undefined) return notFound();
    const permission = permissionOf(repository.record, login);
    const user = { ...userView(core.origin, login), role_name: permission };
    return answer(200, { permission: legacyPermission(permission), role_name: permission, user });
  });

  router.onRepository("GET /hooks", "admin", ({ request, repository }) =>
    listAnswer(request, repository.record.webhooks, (hook) => webhookView(core.origin, repository, hook)),
  );

  router.onRepository("POST /hooks", "admin", ({ request, repository }) => {
    const input = readBody(request, webhookSchema, "Hook");
    if (!input.ok) return input.failure;
    const { config, events } = input.value;
    if (!isLoopbackUrl(config.url)) {
      return invalid({
        resource: "Hook",
        field: "url",
        code: "invalid",
        message: "webhooks go to loopback addresses only",
      });
    }
    const hook = {
      id: nextId(repository.record),
      url: config.url,
      secret: config.secret ?? "",
      events: events ?? ["push"],
      createdAt: isoNow(core),
    };
    repository.record.webhooks.push(hook);
    return answer(201, webhookView(core.origin, repository, hook));
  });

  router.onRepository("DELETE /hooks/:id", "admin", ({ params, repository }) => {
    const { record } = repository;
    const kept = record.webhooks.filter((hook) => hook.id !== Number(params["id"]));
    if (kept.length === record.webhooks.length) return notFound();
    record.webhooks = kept;
    return answer(204);
  });
}

function webhookView(
  origin: string,
  repository: { record: Parameters<typeof repositoryApiUrl>[1] },
  hook: WebhookRecord,
) {
  const url = `${repositoryApiUrl(origin, repository.record)}/hooks/${hook.id}`;
  return {
    type: "Repository",
    id: hook.id,
    name: "web",
    active: true,
    events: hook.events,
    config: { url: hook.url, content_type: "json", insecure_ssl: "0" },
    created_at: hook.createdAt,
    updated_at: hook.createdAt,
    url,
    test_url: `${url}/test`,
    ping_url: `${url}/pings`,
    deliveries_url: `${url}/deliveries`,
    last_response: { code: null, status: "unused", message: null },
  };
}
