// Who changed an issue's title or body, and when it got a label. REST tells of labels and titles, GraphQL alone of bodies.

import { ok } from "../../../core/result.ts";
import { z } from "../../../core/schema.ts";
import type { Answer, GitHubFailure, TextHistory } from "../github.ts";
import { askGraphql } from "../graphql.ts";
import type { Requests } from "../requests.ts";
import { REPO } from "./repository-calls.ts";

type Edit = TextHistory["edits"][number];

const BODY_EDITS = `query ($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    issue(number: $number) {
      createdAt lastEditedAt editor { login }
      userContentEdits(first: 100) { nodes { editedAt editor { login } } pageInfo { hasNextPage } }
    }
  }
}`;

const eventAnswer = z.object({
  event: z.string(),
  created_at: z.string(),
  actor: z.nullish(z.object({ login: z.string() })),
  label: z.nullish(z.object({ name: z.nullish(z.string()) })),
});
type IssueEvent = z.infer<typeof eventAnswer>;

const editor = z.nullish(z.object({ login: z.string() }));
const bodyAnswer = z.object({
  repository: z.object({
    issue: z.object({
      createdAt: z.string(),
      lastEditedAt: z.nullish(z.string()),
      editor,
      userContentEdits: z.nullish(
        z.object({
          nodes: z.array(z.nullish(z.object({ editedAt: z.string(), editor }))),
          pageInfo: z.object({ hasNextPage: z.boolean() }),
        }),
      ),
    }),
  }),
});

export async function textHistory(
  requests: Requests,
  { number, label }: { readonly number: number; readonly label: string },
  signal: AbortSignal,
): Answer<TextHistory> {
  const about = `issues/${number}`;
  const events = await requests.askAll(
    { route: `GET ${REPO}/issues/{number}/events`, parameters: { number }, answer: z.array(eventAnswer), about },
    signal,
  );
  if (!events.ok) return events;
  const labelled = events.value.findLast((event) => event.event === "labeled" && isLabel(event, label));
  const labelledAt = labelled?.created_at ?? null;
  const titles = events.value
    .filter(({ event }) => event === "renamed")
    .map((event): Edit => ({ what: "title", by: event.actor?.login ?? null, at: event.created_at }));
  const { owner, name } = requests.repository;
  const bodies = await askGraphql(
    requests,
    { query: BODY_EDITS, variables: { owner, name, number }, answer: bodyAnswer, about },
    signal,
  );
  if (!bodies.ok) return isRefused(bodies.failure) ? ok({ labelledAt, edits: titles, isComplete: false }) : bodies;
  const { issue } = bodies.value.repository;
  const edits = [...titles, ...bodyEdits(issue)].toSorted((a, b) => a.at.localeCompare(b.at));
  return ok({ labelledAt, edits, isComplete: issue.userContentEdits?.pageInfo.hasNextPage !== true });
}

/** The first entry that GitHub shows is the text as it was made. */
function bodyEdits(issue: z.infer<typeof bodyAnswer>["repository"]["issue"]): Edit[] {
  const listed = (issue.userContentEdits?.nodes ?? []).filter((node) => node !== null && node !== undefined);
  const isListed = listed.some(({ editedAt }) => editedAt === issue.lastEditedAt);
  const last = issue.lastEditedAt && !isListed ? [{ editedAt: issue.lastEditedAt, editor: issue.editor }] : [];
  return [...listed, ...last]
    .filter(({ editedAt }) => editedAt !== issue.createdAt)
    .map(({ editedAt, editor: by }) => ({ what: "body", by: by?.login ?? null, at: editedAt }));
}

function isLabel({ label }: IssueEvent, name: string): boolean {
  return label?.name?.toLowerCase() === name.toLowerCase();
}

/** A credential, or a server, without GraphQL. */
function isRefused({ kind, status }: GitHubFailure): boolean {
  return kind === "forbidden" || kind === "invalid" || (kind === "not-found" && status !== 200);
}
