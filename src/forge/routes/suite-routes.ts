// These routes list check suites, and the workflow runs that the forge's own CI has in their place; those run again and
// are cancelled here.

import { type ApiAnswer, answer, invalid, notFound, refusal } from "../api/api-answer.ts";
import { type ApiRouter, type OnRepository } from "../api/api-router.ts";
import { suiteState } from "../checks/check-suites.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { pageOf } from "../api/pagination.ts";
import type { SuiteRecord } from "../store/repository-record.ts";
import { checkView, jobView, suiteView, workflowRunView } from "../checks/check-view.ts";

export function suiteRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET /commits/:ref{.+}/check-suites", "read", async ({ request, params, repository }) => {
    const sha = await repository.git.resolve(params["ref"] ?? "", core.signal);
    if (sha === null) {
      return invalid({ resource: "Commit", code: "custom", message: `No commit found for SHA: ${params["ref"]}` });
    }
    const suites = repository.record.suites.filter((suite) => suite.headSha === sha);
    const { items, headers } = pageOf(request, suites);
    const views = items.map((suite) => suiteView(core.origin, repository.record, suite, request.login));
    return { ...answer(200, { total_count: suites.length, check_suites: views }), headers };
  });

  router.onRepository("GET /check-suites/:id{[0-9]+}/check-runs", "read", (on) =>
    onSuite(on, (suite) => {
      const { runs } = suiteState(on.repository.record, suite);
      const { items, headers } = pageOf(on.request, runs);
      const views = items.map((check) => checkView(core.origin, on.repository.record, check));
      return { ...answer(200, { total_count: runs.length, check_runs: views }), headers };
    }),
  );

  router.onRepository("POST /check-suites/:id{[0-9]+}/rerequest", "write", (on) =>
    onSuite(on, (suite) => {
      if (suite.workflow !== null) core.ci.rerun({ core, repository: on.repository, cause: on.request.cause }, suite);
      return answer(201, {});
    }),
  );

  workflowRoutes(router, core);
}

function workflowRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET /actions/runs", "read", ({ request, repository }) => {
    const { record } = repository;
    const wanted = { sha: request.query.get("head_sha"), branch: request.query.get("branch") };
    const wantedStatus = request.query.get("status");
    const runs = record.suites
      .filter(({ workflow }) => workflow !== null)
      .filter(({ headSha }) => wanted.sha === null || headSha === wanted.sha)
      .filter(({ headBranch }) => wanted.branch === null || headBranch === wanted.branch)
      .filter((suite) => {
        const { status, conclusion } = suiteState(record, suite);
        return wantedStatus === null || wantedStatus === status || wantedStatus === conclusion;
      })
      .toReversed();
    const { items, headers } = pageOf(request, runs);
    const views = items.map((suite) => workflowRunView(core.origin, record, suite, request.login));
    return { ...answer(200, { total_count: runs.length, workflow_runs: views }), headers };
  });

  router.onRepository("GET /actions/runs/:id{[0-9]+}", "read", (on) =>
    onWorkflow(on, (suite) => answer(200, workflowRunView(core.origin, on.repository.record, suite, on.request.login))),
  );

  router.onRepository("GET /actions/runs/:id{[0-9]+}/jobs", "read", (on) =>
    onWorkflow(on, (suite) => {
      const { record } = on.repository;
      const { runs } = suiteState(record, suite);
      const { items, headers } = pageOf(on.request, runs);
      const jobs = items.map((check) => jobView(core.origin, record, suite, check));
      return { ...answer(200, { total_count: runs.length, jobs }), headers };
    }),
  );

  router.onRepository("POST /actions/runs/:id{[0-9]+}/rerun", "write", (on) =>
    onWorkflow(on, (suite) => {
      if (suiteState(on.repository.record, suite).status !== "completed") {
        return refusal(403, "This workflow is already running");
      }
      core.ci.rerun({ core, repository: on.repository, cause: on.request.cause }, suite);
      return answer(201, {});
    }),
  );

  router.onRepository("POST /actions/runs/:id{[0-9]+}/cancel", "write", (on) =>
    onWorkflow(on, (suite) => {
      if (suiteState(on.repository.record, suite).status === "completed") {
        return refusal(409, "Cannot cancel a workflow run that is completed.");
      }
      core.ci.cancel({ core, repository: on.repository, cause: on.request.cause }, suite);
      return answer(202, {});
    }),
  );
}

function onSuite({ params, repository }: OnRepository, act: (suite: SuiteRecord) => ApiAnswer): ApiAnswer {
  const suite = repository.record.suites.find(({ id }) => id === Number(params["id"]));
  return suite === undefined ? notFound() : act(suite);
}

function onWorkflow(on: OnRepository, act: (suite: SuiteRecord) => ApiAnswer): ApiAnswer {
  return onSuite(on, (suite) => (suite.workflow === null ? notFound() : act(suite)));
}
