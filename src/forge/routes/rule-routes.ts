// Readers see here what protects a branch, and owners set it: branches, classic protection, rulesets.

import { z } from "../../core/base/schema.ts";
import { answer, notFound, refusal } from "../api/api-answer.ts";
import { type ApiRouter, type OnRepository, readBody } from "../api/api-router.ts";
import { appliedRules } from "../store/branch-rules.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { newRuleset } from "../repositories/forge-owner.ts";
import { listAnswer } from "../api/pagination.ts";
import { writePushRules } from "../pulls/push-rules.ts";
import { type ProtectionRecord, ruleSchema } from "../store/repository-settings.ts";
import { branchView, protectionView, ruleView, rulesetView } from "../views/rule-view.ts";

const flag = z.nullish(z.boolean());
const names = z.nullish(z.object({ users: z.optional(z.array(z.string())) }));
const protectionSchema = z.object({
  required_status_checks: z.nullish(
    z.object({
      strict: z.boolean(),
      contexts: z.optional(z.array(z.string())),
      checks: z.optional(z.array(z.object({ context: z.string() }))),
    }),
  ),
  enforce_admins: flag,
  required_pull_request_reviews: z.nullish(
    z.object({
      dismiss_stale_reviews: flag,
      require_code_owner_reviews: flag,
      required_approving_review_count: z.nullish(z.int()),
    }),
  ),
  restrictions: names,
  required_conversation_resolution: flag,
});

const rulesetSchema = z.object({
  name: z.string(),
  enforcement: z.enum(["active", "disabled", "evaluate"]),
  conditions: z.optional(z.object({ ref_name: z.optional(z.object({ include: z.optional(z.array(z.string())) })) })),
  rules: z._default(z.array(ruleSchema), []),
});

export function ruleRoutes(router: ApiRouter, core: ForgeCore): void {
  protectionRoutes(router, core);
  rulesetRoutes(router, core);

  router.onRepository("GET /branches/:branch{.+}", "read", async ({ params, repository }) => {
    const branch = params["branch"] ?? "";
    const sha = repository.record.refs[`refs/heads/${branch}`];
    if (sha === undefined) return refusal(404, "Branch not found");
    const [commit] = await repository.git.commits(sha, 1, core.signal);
    return commit === undefined ? notFound() : answer(200, branchView(core.origin, repository.record, branch, commit));
  });
}

function protectionRoutes(router: ApiRouter, core: ForgeCore): void {
  const path = "/branches/:branch{.+}/protection";

  router.onRepository(`GET ${path}`, "admin", ({ params, repository }) => {
    const branch = params["branch"] ?? "";
    const protection = repository.record.protections[branch];
    return protection === undefined
      ? refusal(404, "Branch not protected")
      : answer(200, protectionView(core.origin, repository.record, branch, protection));
  });

  router.onRepository(`PUT ${path}`, "admin", async ({ request, params, repository }) => {
    const input = readBody(request, protectionSchema, "ProtectedBranch");
    if (!input.ok) return input.failure;
    const branch = params["branch"] ?? "";
    const signatures = repository.record.protections[branch]?.signatures ?? false;
    const protection = protectionOf(input.value, signatures);
    repository.record.protections[branch] = protection;
    await writePushRules(repository);
    return answer(200, protectionView(core.origin, repository.record, branch, protection));
  });

  router.onRepository(`DELETE ${path}`, "admin", async ({ params, repository }) => {
    const { [params["branch"] ?? ""]: old, ...others } = repository.record.protections;
    if (old === undefined) return refusal(404, "Branch not protected");
    repository.record.protections = others;
    await writePushRules(repository);
    return answer(204);
  });

  router.onRepository(`POST ${path}/required_signatures`, "admin", ({ params, repository }) => {
    const branch = params["branch"] ?? "";
    const protection = repository.record.protections[branch];
    if (protection === undefined) return refusal(404, "Branch not protected");
    repository.record.protections[branch] = { ...protection, signatures: true };
    const view = protectionView(core.origin, repository.record, branch, { ...protection, signatures: true });
    return answer(200, view.required_signatures);
  });
}

function rulesetRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET /rules/branches/:branch{.+}", "read", ({ request, params, repository }) =>
    listAnswer(request, appliedRules(repository.record, params["branch"] ?? ""), (applied) =>
      ruleView(repository.record, applied),
    ),
  );

  router.onRepository("GET /rulesets", "read", ({ request, repository }) =>
    listAnswer(request, repository.record.rulesets, (ruleset) => rulesetView(core.origin, repository.record, ruleset)),
  );

  router.onRepository("POST /rulesets", "admin", ({ request, repository }) => {
    const input = readBody(request, rulesetSchema, "Ruleset");
    if (!input.ok) return input.failure;
    const { name, conditions, rules, enforcement } = input.value;
    const ruleset = newRuleset(repository, { name, refs: conditions?.ref_name?.include, rules });
    if (enforcement === "active") repository.record.rulesets.push(ruleset);
    return answer(201, rulesetView(core.origin, repository.record, ruleset));
  });

  router.onRepository("DELETE /rulesets/:id{[0-9]+}", "admin", ({ params, repository }: OnRepository) => {
    const kept = repository.record.rulesets.filter(({ id }) => id !== Number(params["id"]));
    if (kept.length === repository.record.rulesets.length) return notFound();
    repository.record.rulesets = kept;
    return answer(204);
  });
}

function protectionOf(input: z.infer<typeof protectionSchema>, signatures: boolean): ProtectionRecord {
  const checks = input.required_status_checks;
  const reviews = input.required_pull_request_reviews;
  return {
    approvals: reviews?.required_approving_review_count ?? (reviews === null || reviews === undefined ? 0 : 1),
    codeOwners: reviews?.require_code_owner_reviews ?? false,
    dismissStale: reviews?.dismiss_stale_reviews ?? false,
    checks: checks?.checks?.map(({ context }) => context) ?? checks?.contexts ?? [],
    strict: checks?.strict ?? false,
    signatures,
    conversations: input.required_conversation_resolution ?? false,
    restrictedTo: input.restrictions?.users ?? null,
  };
}
