// Asks GraphQL for what REST does not show. GraphQL answers 200 with a list of errors where REST has a status.

import { fail, ok } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import type { Answer, GitHubFailure } from "../port/github.ts";
import { brokenAnswer } from "../port/github-failure.ts";
import type { Requests } from "./requests.ts";

/** These are types of GitHub's errors; any other is a refusal that lasts. docs/github.md shows the same table. */
export const GRAPHQL_ERRORS: Readonly<Record<string, GitHubFailure["kind"]>> = {
  NOT_FOUND: "not-found",
  FORBIDDEN: "forbidden",
  INSUFFICIENT_SCOPES: "forbidden",
  RATE_LIMITED: "rate-limited",
  RATE_LIMIT: "rate-limited",
  SERVICE_UNAVAILABLE: "server",
  INTERNAL: "server",
  STALE_DATA: "server",
  RESOURCE_LIMITS_EXCEEDED: "server",
};
const RETRYABLE: ReadonlySet<GitHubFailure["kind"]> = new Set(["rate-limited", "server"]);

const errorAnswer = z.object({
  type: z.nullish(z.string()),
  message: z.string(),
  /** A document that does not fit the schema has a code, and no type. */
  extensions: z.nullish(z.object({ code: z.nullish(z.string()) })),
});
const envelope = z.object({ data: z.nullish(z.unknown()), errors: z.optional(z.array(errorAnswer)) });

export interface GraphqlAsk<T> {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly answer: z.core.$ZodType<T>;
  readonly about?: string;
}

/** A query may be repeated, a mutation may not. */
export async function askGraphql<T>(requests: Requests, ask: GraphqlAsk<T>, signal: AbortSignal): Answer<T> {
  const { query, variables, about } = ask;
  const isQuery = query.startsWith("query");
  const sent = await requests.ask(
    {
      route: `POST ${requests.graphqlUrl}`,
      parameters: { query, variables },
      answer: envelope,
      repeatable: isQuery,
      ...(about === undefined ? {} : { about }),
      // The caller has a way without GraphQL that shows less, and says so where it matters.
      expects: () => isQuery,
    },
    signal,
  );
  if (!sent.ok) return sent;
  const [error] = sent.value.errors ?? [];
  if (error !== undefined) return fail(failureOf(error));
  const parsed = z.safeParse(ask.answer, sent.value.data);
  return parsed.success ? ok(parsed.data) : fail(brokenAnswer(200, "the answer to a GraphQL query has another form"));
}

/**
 * Says whether GraphQL cannot be asked for this at all, by this credential or of this server. Any other failure may
 * pass.
 */
export function isGraphqlRefused({ kind, status }: GitHubFailure): boolean {
  return (
    kind === "forbidden" || kind === "unauthorized" || kind === "invalid" || (kind === "not-found" && status !== 200)
  );
}

/** GitHub's own faults have neither type nor code: "Something went wrong while executing your query." */
function failureOf({ type, message, extensions }: z.infer<typeof errorAnswer>): GitHubFailure {
  const word = type ?? extensions?.code ?? null;
  const isForbidden = /not accessible|must have|permission/i.test(message);
  const kind = GRAPHQL_ERRORS[word ?? ""] ?? (isForbidden ? "forbidden" : word === null ? "server" : "invalid");
  return { kind, message: message.slice(0, 500), status: 200, retryable: RETRYABLE.has(kind), retryAt: null };
}
