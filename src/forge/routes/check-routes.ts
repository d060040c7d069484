// CI says here what it makes of a commit: check runs, and the older commit statuses.

import { z } from "../../core/base/schema.ts";
import { answer, invalid, notFound } from "../api/api-answer.ts";
import { type ApiRouter, readBody } from "../api/api-router.ts";
import {
  CHECK_TEXT_LENGTH_MAX,
  createCheck,
  createStatus,
  editCheck,
  latestInSuites,
  latestStatuses,
} from "../checks/check-writes.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { pageOf } from "../api/pagination.ts";
import { CHECK_CONCLUSIONS, CHECK_STATUSES, type StatusRecord } from "../store/repository-record.ts";
import { checkView, statusView } from "../checks/check-view.ts";
import { repositoryApiUrl, repositoryView } from "../views/repository-view.ts";

const outputText = z.optional(z.string().check(z.maxLength(CHECK_TEXT_LENGTH_MAX)));
const checkFields = {
  status: z.optional(z.enum(CHECK_STATUSES)),
  conclusion: z.optional(z.enum(CHECK_CONCLUSIONS)),
  output: z.optional(z.object({ title: outputText, summary: outputText, text: outputText })),
};
const newCheckSchema = z.object({ name: z.string().check(z.minLength(1)), head_sha: z.string(), ...checkFields });
const checkEditSchema = z.object(checkFields);

const statusSchema = z.object({
  state: z.enum(["error", "failure", "pending", "success"]),
  context: z._default(z.string(), "default"),
  description: z.optional(z.nullable(z.string())),
  target_url: z.optional(z.nullable(z.string())),
});

export function checkRoutes(router: ApiRouter, core: ForgeCore): void {
  checkRunRoutes(router, core);
  statusRoutes(router, core);
}

function checkRunRoutes(router: ApiRouter, core: ForgeCore): void {
  // A ref may be a branch with slashes in its name, hence the greedy parameter.
  router.onRepository("GET /commits/:ref{.+}/check-runs", "read", async ({ request, params, repository }) => {
    const sha = await repository.git.resolve(params["ref"] ?? "", core.signal);
    if (sha === null)
      return invalid({ resource: "Commit", code: "custom", message: `No commit found for SHA: ${params["ref"]}` });
    const { checks } = repository.record;
    const wanted = { name: request.query.get("check_name"), status: request.query.get("status") };
    const found = (
      request.query.get("filter") === "all"
        ? checks.filter((check) => check.headSha === sha)
        : latestInSuites(checks, sha)
    )
      .filter((check) => wanted.name === null || check.name === wanted.name)
      .filter((check) => wanted.status === null || check.status === wanted.status);
    const { items, headers } = pageOf(request, found);
    const views = items.map((check) => checkView(core.origin, repository.record, check));
    return { ...answer(200, { total_count: found.length, check_runs: views }), headers };
  });

  router.onRepository("POST /check-runs", "write", async ({ request, repository }) => {
    const input = readBody(request, newCheckSchema, "CheckRun");
    if (!input.ok) return input.failure;
    const { name, head_sha: headSha, status, conclusion, output } = input.value;
    if ((await repository.git.resolve(headSha, core.signal)) !== headSha) {
      return invalid({ resource: "CheckRun", field: "head_sha", code: "invalid" });
    }
    if (status === "completed" && conclusion === undefined) {
      return invalid({ resource: "CheckRun", field: "conclusion", code: "missing_field" });
    }
    const write = { core, repository, cause: request.cause };
    const check = createCheck(write, headSha, { name, status, conclusion, ...output }, false);
    return answer(201, checkView(core.origin, repository.record, check));
  });

  router.onRepository("PATCH /check-runs/:id", "write", ({ request, params, repository }) => {
    const check = repository.record.checks.find((candidate) => candidate.id === Number(params["id"]));
    if (check === undefined) return notFound();
    const input = readBody(request, checkEditSchema, "CheckRun");
    if (!input.ok) return input.failure;
    const { status, conclusion, output } = input.value;
    editCheck({ core, repository, cause: request.cause }, check, { status, conclusion, ...output });
    return answer(200, checkView(core.origin, repository.record, check));
  });
}

function statusRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET /commits/:ref{.+}/status", "read", async ({ request, params, repository }) => {
    const sha = await repository.git.resolve(params["ref"] ?? "", core.signal);
    if (sha === null) return notFound();
    const statuses = latestStatuses(repository.record.statuses, sha);
    const api = repositoryApiUrl(core.origin, repository.record);
    const { items, headers } = pageOf(request, statuses);
    const body = {
      state: combinedState(statuses),
      sha,
      total_count: statuses.length,
      statuses: items.map((status) => statusView(core.origin, repository.record, status)),
      repository: repositoryView(core.origin, repository.record, request.login),
      commit_url: `${api}/commits/${sha}`,
      url: `${api}/commits/${sha}/status`,
    };
    return { ...answer(200, body), headers };
  });

  router.onRepository("POST /statuses/:sha", "write", async ({ request, params, repository }) => {
    const input = readBody(request, statusSchema, "Status");
    if (!input.ok) return input.failure;
    const sha = params["sha"] ?? "";
    if ((await repository.git.resolve(sha, core.signal)) !== sha) {
      return invalid({ resource: "Status", code: "custom", message: `No commit found for SHA: ${sha}` });
    }
    const { state, context, description, target_url: targetUrl } = input.value;
    const details = { state, context, description: description ?? null, targetUrl: targetUrl ?? null };
    const status = createStatus({ core, repository, cause: request.cause }, sha, details);
    return answer(201, statusView(core.origin, repository.record, status));
  });
}

/** No status at all counts as pending, as GitHub has it. */
function combinedState(statuses: readonly StatusRecord[]): "failure" | "pending" | "success" {
  if (statuses.some((status) => status.state === "failure" || status.state === "error")) return "failure";
  return statuses.length > 0 && statuses.every((status) => status.state === "success") ? "success" : "pending";
}
