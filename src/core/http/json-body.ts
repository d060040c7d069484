// Reads a JSON request body against a schema, counting bytes while they stream: a chunked body has no length to trust.

import { BODY_BYTES_MAX } from "./http-guard.ts";
import { parseJsonObject } from "../files/json-lines.ts";
import { fail, ok } from "../base/result.ts";
import type { ControlResult } from "../messages/supervisor-control.ts";
import { z } from "../base/schema.ts";

export async function readJsonBody<S extends z.ZodMiniType>(
  request: Request,
  schema: S,
): Promise<ControlResult<z.infer<S>>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return fail({ code: "too_large", message: `send at most ${BODY_BYTES_MAX} bytes` });
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const value = text.trim() === "" ? {} : parseJsonObject(text);
  if (value === undefined) return fail({ code: "bad_request", message: "the body must be one JSON object" });
  const parsed = z.safeParse(schema, value);
  return parsed.success ? ok(parsed.data) : fail({ code: "bad_request", message: describeIssues(parsed.error) });
}

/** Puts every problem on one line: `path: message; …`. */
export function describeIssues(error: z.core.$ZodError): string {
  return error.issues
    .map((issue) => `${issue.path.join(".") || "request"}: ${issue.message}`)
    .join("; ")
    .slice(0, 1_000);
}
