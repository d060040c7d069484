// The forge has GitHub's GraphQL endpoint at `/graphql`, and at `/api/graphql` beside the REST API of an enterprise
// server. It answers whatever is wrong with a document with 200 and an `errors` list, as GitHub does.

import { z } from "../../core/base/schema.ts";
import { type ApiAnswer, answer, refusal } from "../api/api-answer.ts";
import type { ApiRequest } from "../api/api-router.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { GraphqlProblem, parseDocument } from "./document.ts";
import { execute } from "./execute.ts";
import { mutationRoot, queryRoot } from "./schema.ts";

const bodySchema = z.object({
  query: z.string(),
  variables: z.nullish(z.record(z.string(), z.unknown())),
});

export function isGraphqlPath(path: string): boolean {
  return path === "/graphql" || path === "/api/graphql";
}

export async function answerGraphql(core: ForgeCore, request: ApiRequest): Promise<ApiAnswer> {
  if (request.method !== "POST") return refusal(404, "Not Found");
  const body = z.safeParse(bodySchema, request.body);
  if (!body.success) return refusal(400, "A query attribute must be specified and must be a string.");
  try {
    const operation = parseDocument(body.data.query);
    const root = operation.kind === "query" ? queryRoot(core, request) : mutationRoot(core, request);
    const { data, errors } = await execute(operation, root, body.data.variables ?? {});
    return answer(200, { ...(data === null ? {} : { data }), ...(errors.length === 0 ? {} : { errors }) });
  } catch (thrown) {
    if (!(thrown instanceof GraphqlProblem)) throw thrown;
    return answer(200, { errors: [{ type: thrown.kind, message: thrown.message }] });
  }
}
