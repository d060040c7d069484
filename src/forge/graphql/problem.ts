// GraphQL says a refusal of REST in its own words.

import type { ApiAnswer } from "../api/api-answer.ts";
import { GraphqlProblem } from "./document.ts";

const KIND_OF_STATUS: Readonly<Record<number, string>> = { 403: "FORBIDDEN", 404: "NOT_FOUND" };

export function answerOrThrow(refused: ApiAnswer | undefined): void {
  if (refused === undefined) return;
  const { message } = refused.body as { message: string };
  throw new GraphqlProblem(KIND_OF_STATUS[refused.status] ?? "UNPROCESSABLE", message);
}
