// Wraps GitHub for a worker that minds what it reads: each answer with a text says first whose text it is. Of a
// suspect's texts nothing comes through but the marks that we put at the end of comments ourselves (I1 of
// attention.ts).

import { fail, ok } from "../../core/base/result.ts";
import type { Answer, Comment, GitHub, GitHubFailure, Issue, PullRequest, Review } from "../github/port/github.ts";
import type { Attention } from "./attention.ts";

const MARK_START = "<!-- hydraflow:";
const MARK_END = "-->";
/** The longest mark, a claim's, is shorter. */
const MARK_UNITS_MAX = 1_500;

const UNTOUCHABLE: GitHubFailure = {
  kind: "invalid",
  message:
    "the text of this issue holds the worker even where it is not read; shorten or delete it. It is tried once a day",
  status: 0,
  retryable: true,
  retryAt: null,
};

export function attentiveGitHub(github: GitHub, attention: Attention): GitHub {
  const minded = async <T>(answer: Answer<T>, number?: number | null, muffled: (value: T) => T = same): Answer<T> => {
    const result = await answer;
    attention.turnTo(number);
    return result.ok ? ok(muffled(result.value)) : result;
  };
  const mindedOf = <T>(number: number, ask: () => Answer<T>, muffled?: (value: T) => T): Answer<T> =>
    attention.isUntouchable(number) ? Promise.resolve(fail(UNTOUCHABLE)) : minded(ask(), number, muffled);
  // I1 of attention.ts: the words of a suspect stay here.
  const issueText = (issue: Issue): Issue => (attention.isSuspect(issue.number) ? withoutText(issue) : issue);
  const pullText = (pull: PullRequest): PullRequest => (attention.isSuspect(pull.number) ? withoutText(pull) : pull);
  const posts =
    (number: number) =>
    <T extends Comment | Review>(all: readonly T[]): readonly T[] =>
      attention.isSuspect(number) ? all.map((post) => ({ ...post, body: markOf(post.body) })) : all;
  const minding: Partial<GitHub> = {
    listIssues: (since, signal) => minded(github.listIssues(since, signal), null, (all) => all.map(issueText)),
    issue: (number, signal) => mindedOf(number, () => github.issue(number, signal), issueText),
    closeIssue: (number, reason, signal) =>
      mindedOf(number, () => github.closeIssue(number, reason, signal), issueText),
    textHistory: (number, label, signal) => mindedOf(number, () => github.textHistory(number, label, signal)),
    comments: (number, signal) => mindedOf(number, () => github.comments(number, signal), posts(number)),
    reviews: (number, signal) => mindedOf(number, () => github.reviews(number, signal), posts(number)),
    pull: (number, signal) => mindedOf(number, () => github.pull(number, signal), pullText),
    pullFiles: (number, signal) => mindedOf(number, () => github.pullFiles(number, signal)),
    pullsByBranch: (branch, signal) =>
      minded(github.pullsByBranch(branch, signal), undefined, (all) => all.map(pullText)),
    checks: (sha, signal) => minded(github.checks(sha, signal)),
  };
  // Every other method stays as it is, and keeps its own `this`.
  return new Proxy(github, {
    get: (target, name): unknown => {
      const instead: unknown = Reflect.get(minding, name);
      const own: unknown = Reflect.get(target, name);
      return instead ?? (typeof own === "function" ? (own.bind(target) as unknown) : own);
    },
  });
}

/** Returns the mark at the end of a comment of ours, without the words before it; nothing of any other comment. */
function markOf(body: string): string {
  const end = body.slice(-MARK_UNITS_MAX).trimEnd();
  const start = end.lastIndexOf(MARK_START);
  return start === -1 || !end.endsWith(MARK_END) ? "" : end.slice(start);
}

function withoutText<T extends { readonly number: number; readonly title: string; readonly body: string }>(of: T): T {
  return { ...of, title: `#${of.number}, whose text is not read`, body: "" };
}

function same<T>(value: T): T {
  return value;
}
