// Finds out who changed an issue's title or body, and when it got a label. REST tells of labels and titles, GraphQL
// alone of bodies.

import { ok } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import type { Answer, TextEdit, TextHistory } from "../port/github.ts";
import { askGraphql, isGraphqlRefused } from "../transport/graphql.ts";
import type { Requests } from "../transport/requests.ts";
import { REPO } from "./repository-calls.ts";

const BODY_EDITS = `query ($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    issue(number: $number) {
      author { login __typename } lastEditedAt editor { login __typename } includesCreatedEdit
      userContentEdits(first: 100) { nodes { editedAt editor { login __typename } } pageInfo { hasNextPage } }
    }
  }
}`;

const BOT = "[bot]";

const eventAnswer = z.object({
  event: z.string(),
  created_at: z.string(),
  actor: z.nullish(z.object({ login: z.string() })),
  label: z.nullish(z.object({ name: z.nullish(z.string()) })),
});
type IssueEvent = z.infer<typeof eventAnswer>;

const actor = z.pipe(z.nullish(z.object({ login: z.string(), __typename: z.string() })), z.transform(restLogin));
const bodyAnswer = z.object({
  repository: z.object({
    issue: z.object({
      author: actor,
      lastEditedAt: z.nullish(z.string()),
      editor: actor,
      includesCreatedEdit: z.boolean(),
      userContentEdits: z.nullish(
        z.object({
          nodes: z.array(z.nullish(z.object({ editedAt: z.string(), editor: actor }))),
          pageInfo: z.object({ hasNextPage: z.boolean() }),
        }),
      ),
    }),
  }),
});
type Bodies = z.infer<typeof bodyAnswer>["repository"]["issue"];

type Edit = Omit<TextEdit, "byApp">;

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
  const asked = await askGraphql(
    requests,
    { query: BODY_EDITS, variables: { owner, name, number }, answer: bodyAnswer, about },
    signal,
  );
  if (!asked.ok && !isGraphqlRefused(asked.failure)) return asked;
  const issue = asked.ok ? asked.value.repository.issue : null;
  const edits = [...titles, ...(issue === null ? [] : bodyEdits(issue))]
    .map((edit): TextEdit => ({ ...edit, byApp: isOtherApp(edit.by, issue?.author ?? null) }))
    .toSorted((one, other) => one.at.localeCompare(other.at));
  const isComplete = issue !== null && issue.userContentEdits?.pageInfo.hasNextPage !== true;
  return ok({ labelledAt, edits, isComplete });
}

/**
 * GitHub lists the newest first, and as the oldest entry the text as it was made, whose time may be that of an edit in
 * the same second. We ask for the newest hundred alone, so that in a longer list that entry is not among them.
 */
function bodyEdits({ userContentEdits, includesCreatedEdit, lastEditedAt, editor }: Bodies): Edit[] {
  const listed = (userContentEdits?.nodes ?? []).filter((node) => node !== null && node !== undefined);
  const isWhole = userContentEdits?.pageInfo.hasNextPage !== true;
  const edits = includesCreatedEdit && isWhole ? listed.slice(0, -1) : listed;
  const isListed = listed.some(({ editedAt }) => editedAt === lastEditedAt);
  const last = lastEditedAt && !isListed ? [{ editedAt: lastEditedAt, editor }] : [];
  return [...last, ...edits].toReversed().map(({ editedAt, editor: by }) => ({ what: "body", by, at: editedAt }));
}

/** We must know whose issue it is: an app may do to its own issue what somebody else told it. */
function isOtherApp(by: string | null, author: string | null): boolean {
  return by !== null && author !== null && by.endsWith(BOT) && by.toLowerCase() !== author.toLowerCase();
}

function isLabel({ label }: IssueEvent, name: string): boolean {
  return label?.name?.toLowerCase() === name.toLowerCase();
}

/** Returns an app's login as REST has it: GraphQL leaves out its end, which no person's login can have. */
function restLogin(given: { readonly login: string; readonly __typename: string } | null | undefined): string | null {
  if (given === null || given === undefined) return null;
  const isBare = given.__typename === "Bot" && !given.login.endsWith(BOT);
  return isBare ? `${given.login}${BOT}` : given.login;
}
