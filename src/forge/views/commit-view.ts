// These views show commits, changed files and refs as GitHub does.

import type { Commit } from "../git/bare-repository.ts";
import type { ChangedFile } from "../git/changed-files.ts";
import type { RepositoryRecord } from "../store/repository-record.ts";
import { repositoryApiUrl, repositoryHtmlUrl } from "./repository-view.ts";
import { nodeId } from "./user-view.ts";

export function commitView(origin: string, repository: RepositoryRecord, commit: Commit) {
  const api = repositoryApiUrl(origin, repository);
  const html = repositoryHtmlUrl(origin, repository);
  const url = `${api}/commits/${commit.sha}`;
  return {
    sha: commit.sha,
    node_id: Buffer.from(`Commit:${commit.sha}`).toString("base64url"),
    url,
    html_url: `${html}/commit/${commit.sha}`,
    comments_url: `${url}/comments`,
    commit: {
      url: `${api}/git/commits/${commit.sha}`,
      author: commit.author,
      committer: commit.committer,
      message: commit.message,
      tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
      comment_count: 0,
      verification: { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null },
    },
    // GitHub knows users by their mail address; the forge does not.
    author: null,
    committer: null,
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${api}/commits/${sha}`,
      html_url: `${html}/commit/${sha}`,
    })),
  };
}

export function changedFileView(origin: string, repository: RepositoryRecord, file: ChangedFile, head: string) {
  const html = repositoryHtmlUrl(origin, repository);
  const path = file.filename.split("/").map(encodeURIComponent).join("/");
  return {
    sha: file.sha,
    filename: file.filename,
    ...(file.previousFilename === null ? {} : { previous_filename: file.previousFilename }),
    status: file.status,
    additions: file.additions,
    deletions: file.deletions,
    changes: file.additions + file.deletions,
    blob_url: `${html}/blob/${head}/${path}`,
    raw_url: `${html}/raw/${head}/${path}`,
    contents_url: `${repositoryApiUrl(origin, repository)}/contents/${path}?ref=${head}`,
    ...(file.patch === null ? {} : { patch: file.patch }),
  };
}

export function refView(origin: string, repository: RepositoryRecord, ref: string, sha: string) {
  const api = repositoryApiUrl(origin, repository);
  return {
    ref,
    node_id: nodeId(`Ref:${ref}`, repository.id),
    url: `${api}/git/${ref}`,
    object: { type: "commit", sha, url: `${api}/git/commits/${sha}` },
  };
}
