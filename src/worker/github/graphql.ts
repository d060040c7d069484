// GraphQL for what REST does not show. It answers 200 with a list of errors where REST has a status.

import { fail, ok } from "../../core/result.ts";
import { z } from "../../core/schema.ts";
import type { Answer, GitHubFailure } from "./github.ts";
import type { Requests } from "./transport/requests.ts";

const KINDS: Readonly<Record<string, GitHubFailure["kind"]>> = {
  NOT_FOUND: "not-found",
  FORBIDDEN: "forbidden",
  INSUFFICIENT_SCOPES: "forbidden",
  RATE_LIMITED: "rate-limited",
  SERVICE_UNAVAILABLE: "server",
};
const RETRYABLE: ReadonlySet<string> = new Set(["rate-limited", "server"]);

const envelope = z.object({
  data: z.nullish(z.unknown()),
  errors: z.optional(z.array(z.object({ type: z.nullish(z.string()), message: z.string() }))),
});

export interface GraphqlAsk<T> {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly answer: z.core.$ZodType<T>;
  readonly about?: string;
}

/** A query may be repeated, a mutation not. */
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
      // Without GraphQL there is a way that shows less; whoever asks says so where it matters.
      expects: () => isQuery,
    },
    signal,
  );
  if (!sent.ok) return sent;
  const [error] = sent.value.errors ?? [];
  if (error !== undefined) return fail(failureOf(error.type ?? "", error.message));
  const parsed = z.safeParse(ask.answer, sent.value.data);
  return parsed.success ? ok(parsed.data) : fail(failureOf("", "the answer to a GraphQL query has another form"));
}

function failureOf(type: string, message: string): GitHubFailure {
  const kind = KINDS[type] ?? (/not accessible|must have|permission/i.test(message) ? "forbidden" : "invalid");
  return { kind, message: message.slice(0, 500), status: 200, retryable: RETRYABLE.has(kind), retryAt: null };
}
