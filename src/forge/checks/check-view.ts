// These views show check runs and commit statuses as GitHub does.

import { suiteState } from "./check-suites.ts";
import {
  type CheckRecord,
  isPull,
  type PullIssue,
  type RepositoryRecord,
  type StatusRecord,
  type SuiteRecord,
} from "../store/repository-record.ts";
import { pullMinimalView } from "../views/pull-view.ts";
import { repositoryApiUrl, repositoryHtmlUrl, repositoryView } from "../views/repository-view.ts";
import { BEGINNING, nodeId, userId, userView } from "../views/user-view.ts";

const ACTIONS_ID = 15_368;
const ACTIONS_SLUG = "github-actions";
const WORKFLOW_NAME = "CI";

export function checkView(origin: string, repository: RepositoryRecord, check: CheckRecord) {
  const api = repositoryApiUrl(origin, repository);
  const html = `${repositoryHtmlUrl(origin, repository)}/runs/${check.id}`;
  const pulls = openPullsAt(repository, check.headSha);
  return {
    id: check.id,
    node_id: nodeId("CheckRun", check.id),
    name: check.name,
    head_sha: check.headSha,
    external_id: "",
    url: `${api}/check-runs/${check.id}`,
    html_url: html,
    details_url: html,
    status: check.status,
    conclusion: check.conclusion,
    started_at: check.startedAt,
    completed_at: check.completedAt,
    output: {
      title: check.title,
      summary: check.summary,
      text: check.text,
      annotations_count: 0,
      annotations_url: `${api}/check-runs/${check.id}/annotations`,
    },
    check_suite: { id: check.suiteId },
    app: appView(origin, repository.suites.find((suite) => suite.id === check.suiteId)?.app ?? "forge-ci"),
    pull_requests: pulls.map((issue) => pullMinimalView(origin, repository, issue)),
  };
}

export function suiteView(origin: string, repository: RepositoryRecord, suite: SuiteRecord, login: string) {
  const api = repositoryApiUrl(origin, repository);
  const { status, conclusion, runs } = suiteState(repository, suite);
  const url = `${api}/check-suites/${suite.id}`;
  const pulls = openPullsAt(repository, suite.headSha);
  return {
    id: suite.id,
    node_id: nodeId("CheckSuite", suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    status,
    conclusion,
    url,
    before: null,
    after: suite.headSha,
    pull_requests: pulls.map((issue) => pullMinimalView(origin, repository, issue)),
    app: appView(origin, suite.app),
    repository: repositoryView(origin, repository, login),
    created_at: suite.createdAt,
    updated_at: runs.at(-1)?.completedAt ?? suite.createdAt,
    rerequestable: true,
    runs_rerequestable: true,
    latest_check_runs_count: runs.length,
    check_runs_url: `${url}/check-runs`,
    head_commit: headCommitView(suite),
  };
}

/** Shows a suite of the forge's own CI as a workflow run. */
export function workflowRunView(origin: string, repository: RepositoryRecord, suite: SuiteRecord, login: string) {
  const api = repositoryApiUrl(origin, repository);
  const { status, conclusion, runs } = suiteState(repository, suite);
  const url = `${api}/actions/runs/${suite.id}`;
  const html = `${repositoryHtmlUrl(origin, repository)}/actions/runs/${suite.id}`;
  const paths = ["jobs", "logs", "artifacts", "cancel", "rerun"];
  return {
    id: suite.id,
    node_id: nodeId("WorkflowRun", suite.id),
    name: WORKFLOW_NAME,
    path: ".github/workflows/ci.yml",
    display_title: WORKFLOW_NAME,
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    run_number: repository.suites.indexOf(suite) + 1,
    run_attempt: Math.max(1, repository.checks.filter((check) => check.suiteId === suite.id).length),
    event: suite.workflow ?? "push",
    status,
    conclusion,
    workflow_id: 1,
    check_suite_id: suite.id,
    check_suite_node_id: nodeId("CheckSuite", suite.id),
    check_suite_url: `${api}/check-suites/${suite.id}`,
    url,
    html_url: html,
    pull_requests: openPullsAt(repository, suite.headSha).map((issue) => pullMinimalView(origin, repository, issue)),
    created_at: suite.createdAt,
    updated_at: runs.at(-1)?.completedAt ?? suite.createdAt,
    run_started_at: suite.createdAt,
    ...Object.fromEntries(paths.map((path) => [`${path}_url`, `${url}/${path}`])),
    previous_attempt_url: null,
    workflow_url: `${api}/actions/workflows/1`,
    head_commit: headCommitView(suite),
    repository: repositoryView(origin, repository, login),
    head_repository: repositoryView(origin, repository, login),
    actor: userView(origin, "forge"),
    triggering_actor: userView(origin, "forge"),
    referenced_workflows: [],
  };
}

/** Shows a check run of the forge's own CI as the job that it is. */
export function jobView(origin: string, repository: RepositoryRecord, suite: SuiteRecord, check: CheckRecord) {
  const api = repositoryApiUrl(origin, repository);
  return {
    id: check.id,
    run_id: suite.id,
    run_url: `${api}/actions/runs/${suite.id}`,
    node_id: nodeId("CheckRun", check.id),
    head_sha: check.headSha,
    head_branch: suite.headBranch,
    url: `${api}/actions/jobs/${check.id}`,
    html_url: `${repositoryHtmlUrl(origin, repository)}/actions/runs/${suite.id}/job/${check.id}`,
    status: check.status,
    conclusion: check.conclusion,
    created_at: check.startedAt,
    started_at: check.startedAt,
    completed_at: check.completedAt,
    name: check.name,
    steps: [],
    check_run_url: `${api}/check-runs/${check.id}`,
    labels: [],
    runner_id: null,
    runner_name: null,
    runner_group_id: null,
    runner_group_name: null,
    workflow_name: WORKFLOW_NAME,
  };
}

export function statusView(origin: string, repository: RepositoryRecord, status: StatusRecord) {
  return {
    id: status.id,
    node_id: nodeId("StatusContext", status.id),
    url: `${repositoryApiUrl(origin, repository)}/statuses/${status.sha}`,
    avatar_url: `${origin}/avatars/${status.creator}`,
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: status.createdAt,
    updated_at: status.createdAt,
    creator: userView(origin, status.creator),
  };
}

/** GitHub's suites show the commit's message and author; no client of the forge asks for them. */
function headCommitView({ headSha, createdAt }: SuiteRecord) {
  const person = { name: "Forge", email: "noreply@forge.invalid" };
  return { id: headSha, tree_id: headSha, message: "", timestamp: createdAt, author: person, committer: person };
}

function openPullsAt(repository: RepositoryRecord, sha: string): PullIssue[] {
  return repository.issues.filter(isPull).filter((issue) => issue.state === "open" && issue.pull.headSha === sha);
}

/** An app's id follows from its name. The forge's own CI stands in the place of GitHub Actions. */
function appView(origin: string, app: string) {
  const isActions = app === "forge-ci" || app === ACTIONS_SLUG;
  const slug = isActions ? ACTIONS_SLUG : app;
  const id = isActions ? ACTIONS_ID : userId(slug);
  return {
    id,
    slug,
    node_id: nodeId("App", id),
    owner: userView(origin, "forge"),
    name: slug,
    description: "",
    external_url: origin,
    html_url: `${origin}/apps/${slug}`,
    created_at: BEGINNING,
    updated_at: BEGINNING,
    permissions: { checks: "write", contents: "read", metadata: "read" },
    events: ["check_run", "pull_request"],
  };
}
