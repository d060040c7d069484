// These routes serve a repository, who may do what in it, and its webhooks.

import { z } from "../../core/base/schema.ts";
import { answer, invalid, notFound, refusal } from "../api/api-answer.ts";
import { type ApiRequest, type ApiRouter, readBody } from "../api/api-router.ts";
import { type ForgeCore, isoNow } from "../kernel/forge-core.ts";
import { knownLogins } from "../issues/known-logins.ts";
import { listAnswer } from "../api/pagination.ts";
import type { MergeMethod } from "../git/merge-method.ts";
import { allows, legacyPermission, permissionOf } from "../store/permission.ts";
import { nextId, type WebhookRecord } from "../store/repository-record.ts";
import { changedSettings, type SettingsEdit } from "../store/repository-settings.ts";
import type { StoredRepository } from "../store/repository-store.ts";
import { repositoryApiUrl, repositoryView } from "../views/repository-view.ts";
import { userView } from "../views/user-view.ts";
import { isLoopbackUrl } from "../kernel/webhook-sender.ts";

const webhookSchema = z.object({
  active: z.optional(z.boolean()),
  events: z.optional(z.array(z.string())),
  config: z.object({ url: z.string(), secret: z.optional(z.string()), content_type: z.optional(z.string()) }),
});

const MERGE_METHODS = ["merge", "squash", "rebase"] as const;
const flag = z.optional(z.boolean());
const settingsSchema = z.object({
  name: z.optional(z.string()),
  private: flag,
  allow_merge_commit: flag,
  allow_squash_merge: flag,
  allow_rebase_merge: flag,
  delete_branch_on_merge: flag,
  archived: flag,
  has_issues: flag,
});
type SettingsInput = Omit<z.infer<typeof settingsSchema>, "name" | "private">;

export function repositoryRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET ", "read", ({ request, repository }) => {
    const view = repositoryView(core.origin, repository.record, request.login);
    return answer(200, seesMergeSettings(request, repository) ? view : withoutMergeSettings(view));
  });

  router.onRepository("PATCH ", "admin", ({ request, repository }) => {
    const input = readBody(request, settingsSchema, "Repository");
    if (!input.ok) return input.failure;
    const { name, private: isPrivate, ...settings } = input.value;
    const { record } = repository;
    if (name !== undefined && name.toLowerCase() !== record.name.toLowerCase()) {
      if (core.store.find(`${record.owner}/${name}`) !== undefined) {
        return invalid({
          resource: "Repository",
          field: "name",
          code: "custom",
          message: "name already exists on this account",
        });
      }
      core.store.rename(repository, record.owner, name);
    }
    record.private = isPrivate ?? record.private;
    record.settings = changedSettings(record.settings, settingsEdit(record.settings.mergeMethods, settings));
    return answer(200, repositoryView(core.origin, record, request.login));
  });

  router.onRepository("GET /collaborators/:username/permission", "read", ({ params, repository }) => {
    const asked = params["username"] ?? "";
    if (asked.toLowerCase().endsWith("[bot]")) return refusal(404, `${asked} is not a user`);
    const login = knownLogins(core, repository).get(asked.toLowerCase());
    if (login === undefined) return notFound();
    const permission = permissionOf(repository.record, login);
    const user = { ...userView(core.origin, login), role_name: permission };
    return answer(200, { permission: legacyPermission(permission), role_name: permission, user });
  });

  hookRoutes(router, core);
}

function hookRoutes(router: ApiRouter, core: ForgeCore): void {
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

/** "Get a repository": the merge settings show to those who may write, tokens of apps and of fine grain included. */
function seesMergeSettings({ login, token }: ApiRequest, { record }: StoredRepository): boolean {
  const isByScope = token === null || token.kind === "classic" || token.permissions["contents"] === "write";
  return isByScope && allows(permissionOf(record, login), "write");
}

function withoutMergeSettings(view: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(view).filter(([name]) => !/^(allow_|delete_branch_on_merge)/.test(name)));
}

function settingsEdit(now: readonly MergeMethod[], input: SettingsInput): SettingsEdit {
  const flags = {
    merge: input.allow_merge_commit,
    squash: input.allow_squash_merge,
    rebase: input.allow_rebase_merge,
  };
  return {
    mergeMethods: MERGE_METHODS.filter((method) => flags[method] ?? now.includes(method)),
    deleteBranchOnMerge: input.delete_branch_on_merge,
    archived: input.archived,
    hasIssues: input.has_issues,
  };
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
