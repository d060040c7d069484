// Reads a query string against a schema. A key given twice is refused: two readers could each believe another value.

import { describeIssues } from "../../core/http/json-body.ts";
import { fail, ok } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";

export function parseQuery<Q extends z.ZodMiniObject>(url: string, schema: Q): ControlResult<z.infer<Q>> {
  const start = url.indexOf("?");
  const pairs = start === -1 ? [] : [...new URLSearchParams(url.slice(start))];
  const values = new Map(pairs);
  if (values.size !== pairs.length) return fail({ code: "bad_request", message: "give each query parameter once" });
  const parsed = z.safeParse(schema, Object.fromEntries(values));
  return parsed.success ? ok(parsed.data) : fail({ code: "bad_request", message: describeIssues(parsed.error) });
}
