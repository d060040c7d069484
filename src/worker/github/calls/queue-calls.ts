// Asks for the merge queue of the base branch, which GitHub shows over GraphQL alone.

import { ok } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import type { Answer, GitHub, GitHubFailure, PullRequest } from "../port/github.ts";
import { askGraphql } from "../transport/graphql.ts";
import { anyAnswer } from "../port/github-answers.ts";
import type { Requests } from "../transport/requests.ts";

const ENQUEUE = `mutation ($pull: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: { pullRequestId: $pull, expectedHeadOid: $head }) { mergeQueueEntry { id } }
}`;
const DEQUEUE = "mutation ($pull: ID!) { dequeuePullRequest(input: { id: $pull }) { mergeQueueEntry { id } } }";
const ENTRY = "query ($pull: ID!) { node(id: $pull) { ... on PullRequest { mergeQueueEntry { id } } } }";

const entryAnswer = z.pipe(
  z.object({ node: z.nullish(z.object({ mergeQueueEntry: z.nullish(z.object({ id: z.string() })) })) }),
  z.transform(({ node }) => Boolean(node?.mergeQueueEntry)),
);

export class QueueCalls implements Pick<GitHub, "enqueue" | "dequeue" | "isQueued"> {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  async enqueue(
    { nodeId, headSha }: Pick<PullRequest, "number" | "nodeId" | "headSha">,
    signal: AbortSignal,
  ): Answer<undefined> {
    const variables = { pull: nodeId, head: headSha };
    const put = await askGraphql(this.#requests, { query: ENQUEUE, variables, answer: anyAnswer }, signal);
    return put.ok || isThereAlready(put.failure) ? ok() : put;
  }

  /** GitHub does not document its answer where there is nothing to take out, so a refusal is followed by a question. */
  async dequeue(pull: Pick<PullRequest, "number" | "nodeId">, signal: AbortSignal): Answer<undefined> {
    const variables = { pull: pull.nodeId };
    const taken = await askGraphql(this.#requests, { query: DEQUEUE, variables, answer: anyAnswer }, signal);
    if (taken.ok || taken.failure.kind !== "invalid") return taken;
    const queued = await this.isQueued(pull, signal);
    return queued.ok && !queued.value ? ok() : taken;
  }

  isQueued({ number, nodeId }: Pick<PullRequest, "number" | "nodeId">, signal: AbortSignal): Answer<boolean> {
    const ask = { query: ENTRY, variables: { pull: nodeId }, answer: entryAnswer, about: `pulls/${number}` };
    return askGraphql(this.#requests, ask, signal);
  }
}

/** GitHub says "Pull request is already in the merge queue" or "already queued". */
function isThereAlready({ message }: GitHubFailure): boolean {
  return /already[^.]{0,40}queue/i.test(message);
}
