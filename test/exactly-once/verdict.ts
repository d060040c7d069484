// The forge's own records say of one issue at its end whether each effect came once and nothing of it is left. What is
// not finished yet may still become right; what happened twice never does.

import type { Forge } from "../../src/forge/forge.ts";
import type { Path } from "./paths.ts";

const ISSUE = 1;
const CLAIM = "hydraflow:claim";
const RELEASED = '"expires":"1970-';
const MARKER = /<!-- hydraflow:(\S+)/;

export function problemsOf(forge: Forge, repo: string, path: Path): string[] {
  return [...unfinished(forge, repo, path), ...doubled(forge, repo, path)];
}

/** Says what keeps the issue from having ended. */
export function unfinished(forge: Forge, repo: string, { end }: Path): string[] {
  const issue = forge.issue(repo, ISSUE);
  const labels = issue.labels.map((label) => label.replace("hydraflow-", "")).join(" ");
  const problems = [];
  if (issue.state !== "closed") problems.push(`the issue is ${issue.state}`);
  if (labels !== end) problems.push(`its labels are: ${labels}`);
  for (const pull of forge.pulls(repo)) {
    const shown = pull.labels.map((label) => label.replace("hydraflow-", "")).join(" ");
    if (shown !== end) problems.push(`the labels of #${pull.number} are: ${shown}`);
  }
  const claims = forge.comments(repo, ISSUE).filter(({ body }) => body.includes(CLAIM));
  if (!claims.every(({ body }) => body.includes(RELEASED))) problems.push("a claim stands");
  const branches = Object.keys(forge.refs(repo)).filter((ref) => ref.startsWith("refs/heads/agent/"));
  if (branches.length > 0) problems.push(`left over: ${branches.join(", ")}`);
  return problems;
}

function doubled(forge: Forge, repo: string, path: Path): string[] {
  const problems: string[] = [];
  const expect = (what: string, wanted: number, found: number) => {
    if (wanted !== found) problems.push(`${what}: ${found} instead of ${wanted}`);
  };
  const ledger = forge.ledger.filter((entry) => entry.repo === repo);
  const count = (kind: string) => ledger.filter((entry) => entry.kind === kind).length;
  const hasPull = path.end === "fixed" ? 1 : 0;
  expect("pull requests", hasPull, count("pull.created"));
  expect("merges", hasPull, count("pull.merged"));
  expect("times closed", 1, ledger.filter((entry) => entry.kind === "issue.closed" && entry.number === ISSUE).length);
  const reviews = ledger.filter(({ kind }) => kind === "review.created");
  expect("reviews", path.reviews, reviews.length);
  const heads = new Set(reviews.map(({ detail }) => String(detail["commit"])));
  expect("heads reviewed", path.reviews, heads.size);
  const comments = forge.comments(repo, ISSUE).filter(({ author }) => author === forge.login);
  expect("claim comments", 1, comments.filter(({ body }) => body.includes(CLAIM)).length);
  const others = comments.filter(({ body }) => !body.includes(CLAIM));
  expect("comments", path.comments.length, others.length);
  for (const start of new Set(path.comments)) {
    const wanted = path.comments.filter((one) => one === start).length;
    expect(`comments "${start}"`, wanted, others.filter(({ body }) => body.includes(start)).length);
  }
  const markers = others.map(({ body }) => MARKER.exec(body)?.[1] ?? body);
  expect("kinds of comments", markers.length, new Set(markers).size);
  return problems;
}
