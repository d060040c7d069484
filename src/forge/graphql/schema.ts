// The forge serves this part of GitHub's GraphQL schema: who asks, issues with their text's history, pull requests with
// their place in the merge queue, and the mutations that put them there and take them out.

import { answerOrThrow } from "./problem.ts";
import type { ApiRequest } from "../api/api-router.ts";
import { accessRefusal } from "../api/access.ts";
import { queueMethod } from "../store/branch-rules.ts";
import { type ForgeCore, saveAll } from "../kernel/forge-core.ts";
import { enterQueue } from "../pulls/merge-queue.ts";
import { isInQueue, leaveQueue } from "../pulls/queue-entry.ts";
import { type EventRecord, fullName, type IssueRecord, isPull, type PullIssue } from "../store/repository-record.ts";
import type { StoredRepository } from "../store/repository-store.ts";
import { labelsOf } from "../views/issue-view.ts";
import { nodeId } from "../views/user-view.ts";
import { GraphqlProblem } from "./document.ts";
import { type Args, connection, type GraphqlObject } from "./execute.ts";

export function queryRoot(core: ForgeCore, request: ApiRequest): GraphqlObject {
  return {
    type: "Query",
    fields: {
      viewer: { type: "User", fields: { login: request.login } },
      repository: ({ owner, name }) => repositoryObject(core, request, `${String(owner)}/${String(name)}`),
      node: ({ id }) => nodeObject(core, request, String(id)),
    },
  };
}

export function mutationRoot(core: ForgeCore, request: ApiRequest): GraphqlObject {
  return {
    type: "Mutation",
    fields: {
      enqueuePullRequest: ({ input }) => enqueue(core, request, (input ?? {}) as Args),
      dequeuePullRequest: ({ input }) => dequeue(core, request, (input ?? {}) as Args),
    },
  };
}

async function enqueue(core: ForgeCore, request: ApiRequest, input: Args): Promise<GraphqlObject> {
  const { repository, issue } = findPull(core, request, String(input["pullRequestId"]));
  allow(repository, request, "PUT", `/pulls/${issue.number}/merge`);
  const head = input["expectedHeadOid"];
  const write = { core, repository, cause: request.cause };
  const entered = await enterQueue(write, issue, typeof head === "string" ? head : null, core.signal);
  if (!entered.ok) throw new GraphqlProblem("UNPROCESSABLE", entered.failure);
  await saveAll(core, repository);
  return {
    type: "EnqueuePullRequestPayload",
    fields: { clientMutationId: null, mergeQueueEntry: entryObject(repository, issue) },
  };
}

async function dequeue(core: ForgeCore, request: ApiRequest, input: Args): Promise<GraphqlObject> {
  const { repository, issue } = findPull(core, request, String(input["id"]));
  allow(repository, request, "PUT", `/pulls/${issue.number}/merge`);
  if (!isInQueue(issue)) throw new GraphqlProblem("UNPROCESSABLE", "Pull request is not in the merge queue");
  const mergeQueueEntry = entryObject(repository, issue);
  leaveQueue({ core, repository, cause: request.cause }, issue);
  await saveAll(core, repository);
  return { type: "DequeuePullRequestPayload", fields: { clientMutationId: null, mergeQueueEntry } };
}

function repositoryObject(core: ForgeCore, request: ApiRequest, name: string): GraphqlObject {
  const repository = core.store.find(name) ?? core.store.findFormer(name);
  const missing = new GraphqlProblem("NOT_FOUND", `Could not resolve to a Repository with the name '${name}'.`);
  if (repository === undefined) throw missing;
  allow(repository, request, "GET", "");
  const { record } = repository;
  return {
    type: "Repository",
    fields: {
      nameWithOwner: fullName(record),
      isArchived: record.settings.archived,
      issue: ({ number }) => issueNumbered(repository, request, Number(number)),
      pullRequest: ({ number }) => pullNumbered(core, repository, request, Number(number)),
    },
  };
}

function issueNumbered(repository: StoredRepository, request: ApiRequest, number: number): GraphqlObject {
  allow(repository, request, "GET", `/issues/${number}`);
  const issue = repository.record.issues[number - 1];
  if (issue === undefined || isPull(issue) || issue.isDeleted === true || issue.transferredTo !== undefined) {
    throw new GraphqlProblem("NOT_FOUND", `Could not resolve to an Issue with the number of ${number}.`);
  }
  return issueObject(repository, issue);
}

function pullNumbered(
  core: ForgeCore,
  repository: StoredRepository,
  request: ApiRequest,
  number: number,
): GraphqlObject {
  allow(repository, request, "GET", `/pulls/${number}`);
  const issue = repository.record.issues[number - 1];
  if (issue === undefined || !isPull(issue)) {
    throw new GraphqlProblem("NOT_FOUND", `Could not resolve to a PullRequest with the number of ${number}.`);
  }
  return pullObject(core, repository, issue);
}

function nodeObject(core: ForgeCore, request: ApiRequest, id: string): GraphqlObject {
  const { repository, issue } = findPull(core, request, id);
  return pullObject(core, repository, issue);
}

function findPull(
  core: ForgeCore,
  request: ApiRequest,
  id: string,
): { repository: StoredRepository; issue: PullIssue } {
  for (const repository of core.store.all()) {
    const issue = repository.record.issues.find((candidate) => nodeId("PullRequest", candidate.id) === id);
    if (issue === undefined || !isPull(issue)) continue;
    allow(repository, request, "GET", `/pulls/${issue.number}`);
    return { repository, issue };
  }
  throw new GraphqlProblem("NOT_FOUND", `Could not resolve to a node with the global id of '${id}'`);
}

/** GraphQL has the same rights as REST, in other words. */
function allow({ record }: StoredRepository, request: ApiRequest, method: string, path: string): void {
  const needed = method === "GET" ? "read" : "write";
  answerOrThrow(accessRefusal(record, { method, path, login: request.login, token: request.token }, needed));
}

function issueObject(repository: StoredRepository, issue: IssueRecord): GraphqlObject {
  const last = issue.bodyEdits.at(-1);
  return {
    type: "Issue",
    fields: {
      id: nodeId("Issue", issue.id),
      number: issue.number,
      title: issue.title,
      body: issue.body ?? "",
      state: issue.state.toUpperCase(),
      locked: (issue.lockReason ?? null) !== null,
      createdAt: issue.createdAt,
      updatedAt: issue.updatedAt,
      author: actor(issue.author, "User"),
      editor: last === undefined ? null : actor(last.editor, "User"),
      lastEditedAt: last?.editedAt ?? null,
      includesCreatedEdit: last !== undefined,
      // GitHub lists the newest first, and the first version among them once there was an edit.
      userContentEdits: (args) => connection("UserContentEditConnection", editObjects(issue), args),
      labels: (args) => connection("LabelConnection", labelObjects(repository, issue), args),
      timelineItems: (args) => connection("IssueTimelineItemsConnection", timeline(issue, args), args),
    },
  };
}

function editObjects(issue: IssueRecord): GraphqlObject[] {
  return issue.bodyEdits.toReversed().map(({ editor, editedAt, body }) => ({
    type: "UserContentEdit",
    fields: {
      editedAt,
      createdAt: editedAt,
      updatedAt: editedAt,
      diff: body,
      editor: actor(editor, "User"),
      deletedAt: null,
    },
  }));
}

function labelObjects({ record }: StoredRepository, issue: IssueRecord): GraphqlObject[] {
  return labelsOf(record, issue).map(({ name, color }) => ({ type: "Label", fields: { name, color } }));
}

const TIMELINE_TYPES: Partial<Record<EventRecord["event"], { item: string; type: string }>> = {
  labeled: { item: "LABELED_EVENT", type: "LabeledEvent" },
  unlabeled: { item: "UNLABELED_EVENT", type: "UnlabeledEvent" },
  renamed: { item: "RENAMED_TITLE_EVENT", type: "RenamedTitleEvent" },
  locked: { item: "LOCKED_EVENT", type: "LockedEvent" },
  unlocked: { item: "UNLOCKED_EVENT", type: "UnlockedEvent" },
  closed: { item: "CLOSED_EVENT", type: "ClosedEvent" },
  reopened: { item: "REOPENED_EVENT", type: "ReopenedEvent" },
};

function timeline(issue: IssueRecord, { itemTypes, since }: Args): GraphqlObject[] {
  const wanted = Array.isArray(itemTypes) ? (itemTypes as readonly string[]) : null;
  return issue.events.flatMap((event) => {
    const known = TIMELINE_TYPES[event.event];
    if (known === undefined || (wanted !== null && !wanted.includes(known.item))) return [];
    if (typeof since === "string" && event.createdAt < since) return [];
    const label = event.label === undefined ? {} : { label: { type: "Label", fields: { ...event.label } } };
    const title = event.rename === undefined ? {} : { previousTitle: event.rename.from, currentTitle: event.rename.to };
    const common = { id: nodeId(known.type, event.id), createdAt: event.createdAt, actor: actor(event.actor, "User") };
    return [{ type: known.type, fields: { ...common, ...label, ...title } }];
  });
}

function pullObject(core: ForgeCore, repository: StoredRepository, issue: PullIssue): GraphqlObject {
  const { pull } = issue;
  return {
    type: "PullRequest",
    fields: {
      id: nodeId("PullRequest", issue.id),
      number: issue.number,
      title: issue.title,
      state: pull.mergedAt === null ? issue.state.toUpperCase() : "MERGED",
      merged: pull.mergedAt !== null,
      isDraft: pull.draft,
      headRefOid: pull.headSha,
      headRefName: pull.headBranch,
      baseRefName: pull.baseBranch,
      isInMergeQueue: isInQueue(issue),
      isMergeQueueEnabled: queueMethod(repository.record, pull.baseBranch) !== null,
      mergeQueueEntry: () => entryObject(repository, issue),
      mergeable: async () => {
        const { mergeable } = await core.pullFacts.read(repository, issue, core.signal);
        return mergeable === null ? "UNKNOWN" : mergeable ? "MERGEABLE" : "CONFLICTING";
      },
    },
  };
}

function entryObject({ record }: StoredRepository, issue: PullIssue): GraphqlObject | null {
  const entry = issue.pull.queued ?? null;
  if (entry === null) return null;
  const ahead = record.issues.filter(isPull).filter(({ pull }) => (pull.queued?.at ?? "~") < entry.at);
  return {
    type: "MergeQueueEntry",
    fields: {
      id: nodeId("MergeQueueEntry", issue.id),
      position: ahead.length + 1,
      state: "AWAITING_CHECKS",
      enqueuedAt: entry.at,
      jump: false,
      solo: false,
      enqueuer: actor(entry.actor, "User"),
    },
  };
}

/** An app's login ends with `[bot]` everywhere but in GraphQL, where its type says what it is. */
function actor(login: string, type: string): GraphqlObject {
  const bare = login.replace(/\[bot\]$/, "");
  return { type: bare === login ? type : "Bot", fields: { login: bare } };
}
