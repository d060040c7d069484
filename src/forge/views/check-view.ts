// Check runs and commit statuses as GitHub shows them.

import { type CheckRecord, isPull, type RepositoryRecord, type StatusRecord } from "../repository-record.ts";
import { pullMinimalView } from "./pull-view.ts";
import { repositoryApiUrl, repositoryHtmlUrl } from "./repository-view.ts";
import { BEGINNING, nodeId, userView } from "./user-view.ts";

const APP_ID = 15_368;

export function checkView(origin: string, repository: RepositoryRecord, check: CheckRecord) {
  const api = repositoryApiUrl(origin, repository);
  const html = `${repositoryHtmlUrl(origin, repository)}/runs/${check.id}`;
  const pulls = repository.issues
    .filter(isPull)
    .filter((issue) => issue.state === "open" && issue.pull.headSha === check.headSha);
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
    check_suite: { id: check.id },
    app: appView(origin),
    pull_requests: pulls.map((issue) => pullMinimalView(origin, repository, issue)),
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

function appView(origin: string) {
  return {
    id: APP_ID,
    slug: "forge-ci",
    node_id: nodeId("App", APP_ID),
    owner: userView(origin, "forge"),
    name: "Forge CI",
    description: "",
    external_url: origin,
    html_url: `${origin}/apps/forge-ci`,
    created_at: BEGINNING,
    updated_at: BEGINNING,
    permissions: { checks: "write", contents: "read", metadata: "read" },
    events: ["check_run", "pull_request"],
  };
}
