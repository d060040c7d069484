// Implements the GitHub port over REST, and over GraphQL where REST does not tell, for one repository. Each method is
// one request or one listing. A request that may be repeated without harm says so; every other one is left to the
// caller's journal, which looks before it acts again.

import { CheckCalls } from "./check-calls.ts";
import { ExpectedCheckCalls } from "./expected-checks.ts";
import { IssueCalls } from "./issue-calls.ts";
import { PullCalls } from "./pull-calls.ts";
import { QueueCalls } from "./queue-calls.ts";
import { RepositoryCalls } from "./repository-calls.ts";
import { textHistory } from "./text-history.ts";
import type { GitHub } from "../port/github.ts";
import { Requests, type RequestsOptions } from "../transport/requests.ts";

export function createGitHub(options: RequestsOptions): GitHub {
  const requests = new Requests(options);
  const repository = new RepositoryCalls(requests, options.credential);
  const issues = new IssueCalls(requests, repository);
  const pulls = new PullCalls(requests, repository);
  const queue = new QueueCalls(requests);
  const checks = new CheckCalls(requests, options.clock);
  const expected = new ExpectedCheckCalls(requests, checks, options.clock);
  return {
    viewer: (signal) => repository.viewer(signal),
    repository: (signal) => repository.repository(signal),
    aheadBy: (base, head, signal) => repository.aheadBy(base, head, signal),
    deleteBranch: (branch, signal) => repository.deleteBranch(branch, signal),
    mayWrite: (login, signal) => repository.mayWrite(login, signal),
    rateLimit: () => requests.budget.limit,
    listIssues: (since, signal) => issues.listIssues(since, signal),
    issue: (number, signal) => issues.issue(number, signal),
    textHistory: (number, label, signal) => textHistory(requests, { number, label }, signal),
    comments: (number, signal) => issues.comments(number, signal),
    createComment: (number, body, signal) => issues.createComment(number, body, signal),
    updateComment: (id, body, signal) => issues.updateComment(id, body, signal),
    addLabels: (number, labels, signal) => issues.addLabels(number, labels, signal),
    removeLabel: (number, label, signal) => issues.removeLabel(number, label, signal),
    labels: (signal) => issues.labels(signal),
    createLabel: (name, colour, description, signal) => issues.createLabel(name, colour, description, signal),
    closeIssue: (number, reason, signal) => issues.closeIssue(number, reason, signal),
    pullsByBranch: (branch, signal) => pulls.pullsByBranch(branch, signal),
    pull: (number, signal) => pulls.pull(number, signal),
    pullFiles: (number, signal) => pulls.pullFiles(number, signal),
    createPull: (pull, signal) => pulls.createPull(pull, signal),
    createReview: (number, review, signal) => pulls.createReview(number, review, signal),
    reviews: (number, signal) => pulls.reviews(number, signal),
    merge: (number, request, signal) => pulls.merge(number, request, signal),
    enqueue: (pull, signal) => queue.enqueue(pull, signal),
    dequeue: (pull, signal) => queue.dequeue(pull, signal),
    isQueued: (pull, signal) => queue.isQueued(pull, signal),
    checks: (sha, signal) => checks.checks(sha, signal),
    expectedChecks: (base, signal) => expected.expectedChecks(base, signal),
  };
}
