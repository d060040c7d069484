// A REST handler gives back an answer, and this file has GitHub's ways of saying no: a refusal is an answer like any
// other.

import type { z } from "../../core/base/schema.ts";

export interface ApiAnswer {
  readonly status: number;
  /** It is sent as JSON; undefined sends no body. */
  readonly body: unknown;
  /** The names are in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The diff media type sends this text as it is, instead of `body`. */
  readonly text?: string;
}

export interface FieldError {
  readonly resource: string;
  readonly field?: string;
  readonly code: "missing" | "missing_field" | "invalid" | "already_exists" | "custom";
  readonly message?: string;
}

const DOCUMENTATION_URL = "https://docs.github.com/rest";

export function answer(status: number, body?: unknown): ApiAnswer {
  return { status, body };
}

export function refusal(status: number, message: string, errors?: readonly (FieldError | string)[]): ApiAnswer {
  return {
    status,
    body: {
      message,
      ...(errors === undefined ? {} : { errors }),
      documentation_url: DOCUMENTATION_URL,
      status: String(status),
    },
  };
}

export function notFound(): ApiAnswer {
  return refusal(404, "Not Found");
}

/** GitHub calls an app's tokens "integrations". */
export function forbidden(token: { readonly kind: string } | null = null): ApiAnswer {
  const bearer = token?.kind === "installation" ? "integration" : "personal access token";
  return refusal(403, `Resource not accessible by ${bearer}`);
}

/** The status is 301 for what can be asked again as it is, and 307 where the method must stay. */
export function moved(method: string, url: string): ApiAnswer {
  const isRead = method === "GET";
  const message = isRead ? "Moved Permanently" : "Temporary Redirect";
  return {
    status: isRead ? 301 : 307,
    headers: { location: url },
    body: {
      message,
      url,
      documentation_url: `${DOCUMENTATION_URL}/guides/best-practices-for-using-the-rest-api#follow-redirects`,
    },
  };
}

export function invalid(...errors: readonly FieldError[]): ApiAnswer {
  return refusal(422, "Validation Failed", errors);
}

/** Each field has one error, as GitHub words them. */
export function invalidBody(resource: string, error: z.core.$ZodError): ApiAnswer {
  const errors = error.issues.map((issue): FieldError => {
    const isMissing = issue.code === "invalid_type" && issue.input === undefined;
    return {
      resource,
      field: issue.path.join("."),
      code: isMissing ? "missing_field" : "invalid",
      message: issue.message,
    };
  });
  return invalid(...errors);
}
