// People who follow a link to an issue or a pull request of a public repository get a plain page. Pages show and never
// change anything; every text in them is somebody else's, so all of it is escaped and no script may run.

import { html } from "hono/html";

import type { ForgeCore } from "../kernel/forge-core.ts";
import { unifiedDiff } from "../git/changed-files.ts";
import type { HttpReply } from "./http-reply.ts";
import { fullName, type IssueRecord } from "../store/repository-record.ts";
import type { StoredRepository } from "../store/repository-store.ts";
import { labelsOf } from "../views/issue-view.ts";

const PAGE_PATH = /^\/([^/]+\/[^/]+?)(?:\/(?:issues|pull)\/(\d+))?$/;
const DIFF_LENGTH_MAX = 200_000;
const STYLE =
  "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap;background:#f6f8fa;padding:.8rem}article{border-top:1px solid #ccc}";

type Html = ReturnType<typeof html>;

export class PageDoor {
  readonly #core: ForgeCore;

  constructor(core: ForgeCore) {
    this.#core = core;
  }

  /** Gives undefined where there is no such page; the REST API answers then. */
  async answer(url: URL): Promise<HttpReply | undefined> {
    const [, name = "", number] = PAGE_PATH.exec(url.pathname) ?? [];
    const repository = this.#core.store.find(name);
    if (repository === undefined || repository.record.private) return undefined;
    if (number === undefined) return await pageReply(fullName(repository.record), listPage(repository));
    const issue = repository.record.issues[Number(number) - 1];
    if (issue === undefined) return undefined;
    return await pageReply(
      `${issue.title} · ${fullName(repository.record)}#${issue.number}`,
      await this.#issuePage(repository, issue),
    );
  }

  async #issuePage(repository: StoredRepository, issue: IssueRecord): Promise<Html> {
    const { record, git } = repository;
    const { pull } = issue;
    const diff = pull === null ? "" : await unifiedDiff(git, pull.baseSha, pull.headSha, this.#core.signal);
    const checks = record.checks.filter((check) => check.headSha === pull?.headSha);
    return html`<p><a href="/${fullName(record)}">${fullName(record)}</a> #${issue.number}</p>
      <h1>${issue.title}</h1>
      <p>${stateOf(issue)} · ${issue.author} · ${issue.createdAt} · ${labelNames(repository, issue)}</p>
      <pre>${issue.body ?? ""}</pre>
      ${issue.comments.map((comment) => html`<article><p>${comment.author} · ${comment.createdAt}</p><pre>${comment.body}</pre></article>`)}
      ${(pull?.reviews ?? []).map((review) => html`<article><p>${review.author} · ${review.state}</p><pre>${review.body}</pre></article>`)}
      ${checks.map((check) => html`<article><p>Check ${check.name}: ${check.conclusion ?? check.status}</p><pre>${check.summary ?? ""}</pre></article>`)}
      ${pull === null ? "" : html`<article><p>${pull.headBranch} into ${pull.baseBranch}</p><pre>${diff.slice(0, DIFF_LENGTH_MAX)}</pre></article>`}`;
  }
}

function listPage(repository: StoredRepository): Html {
  const { record } = repository;
  const name = fullName(record);
  const rows = record.issues.map((issue) => {
    const path = `/${name}/${issue.pull === null ? "issues" : "pull"}/${issue.number}`;
    return html`<li value="${issue.number}"><a href="${path}">${issue.title}</a> · ${stateOf(issue)} · ${labelNames(repository, issue)}</li>`;
  });
  return html`<h1>${name}</h1><ol>${rows}</ol>`;
}

function stateOf(issue: IssueRecord): string {
  return issue.pull !== null && issue.pull.mergedAt !== null ? "merged" : issue.state;
}

function labelNames(repository: StoredRepository, issue: IssueRecord): string {
  return labelsOf(repository.record, issue)
    .map((label) => label.name)
    .join(", ");
}

async function pageReply(title: string, content: Html): Promise<HttpReply> {
  const page = await html`<!doctype html>
    <html lang="en"><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style><body>${content}</body></html>`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "cache-control": "no-store",
  };
  return { status: 200, headers, body: Buffer.from(page.toString()) };
}
