// This check holds requests and answers against GitHub's own OpenAPI description. It repairs the description first: in
// places that says `nullable` without a type, which stops the validator from compiling whatever holds an issue, and it
// lacks two words.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

import { type Document, OpenAPIBackend, type Operation } from "openapi-backend";

import type { Exchange } from "../../src/forge/doors/rest-door.ts";

export type CheckExchange = (request: Exchange["request"], response: Exchange["response"]) => string[];

const DESCRIPTION = "@octokit/openapi/generated/api.github.com.json";
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
/** Values, not schemas, stand below these keys. */
const VALUE_KEYS: ReadonlySet<string> = new Set(["example", "examples", "enum", "default"]);
const PROBLEMS_SHOWN_MAX = 5;
/** "Follow redirects": any operation may be answered so, and the description has it for few. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 307]);

/** Loading takes about half a second and 250 MB; the first exchange of each operation takes up to 0.3 s more. */
export async function loadOpenapiCheck(): Promise<CheckExchange> {
  const path = createRequire(import.meta.url).resolve(DESCRIPTION);
  const definition = repairNullable(JSON.parse(readFileSync(path, "utf8"))) as Document;
  allowAllConclusions(definition);
  const backend = new OpenAPIBackend({
    definition,
    quick: true,
    strict: false,
    validate: true,
    coerceTypes: true,
    ajvOpts: { strict: false, logger: false },
    customizeAjv: (ajv) => ajv.addFormat("date-time", DATE_TIME).addFormat("uri", (text: string) => URL.canParse(text)),
  });
  await backend.init();
  return (request, response) => checkExchange(backend, request, response);
}

/**
 * The recorder keeps what a forge reports and checks it when asked, so that compiling schemas does not slow the forge
 * down.
 */
export class ExchangeRecorder {
  readonly #check: CheckExchange;
  #exchanges: Exchange[] = [];

  constructor(check: CheckExchange) {
    this.#check = check;
  }

  readonly observe = (exchange: Exchange): void => {
    this.#exchanges.push(exchange);
  };

  /** Gives the problems of everything since the last call; there are none when all is as GitHub describes it. */
  takeProblems(): string[] {
    const exchanges = this.#exchanges;
    this.#exchanges = [];
    return exchanges.flatMap(({ request, response }) => this.#check(request, response));
  }
}

function checkExchange(
  backend: OpenAPIBackend,
  request: Exchange["request"],
  response: Exchange["response"],
): string[] {
  const name = `${request.method} ${request.path} -> ${response.status}`;
  if (!isEncoded(request.path)) return [`${name}: the path is not percent-encoded text`];
  const operation = backend.router.matchOperation(request);
  if (operation === undefined) return [`${name}: GitHub has no such operation`];
  const asked = backend.validator.validateRequest({ ...request, query: { ...request.query } }, operation);
  const problems = (asked.errors ?? []).map((error) => `${name}: request ${error.instancePath} ${error.message}`);
  return [...problems, ...checkResponse(backend, operation, response).map((problem) => `${name}: response ${problem}`)];
}

function isEncoded(path: string): boolean {
  try {
    return decodeURIComponent(path) !== "";
  } catch {
    return false;
  }
}

function checkResponse(
  backend: OpenAPIBackend,
  operation: Operation,
  { status, headers, body }: Exchange["response"],
): string[] {
  if (status === 304) return body === undefined ? [] : ["a 304 has no body"];
  const isDescribed = Object.hasOwn(operation.responses ?? {}, String(status));
  if (!isDescribed)
    return status < 400 && !REDIRECTS.has(status)
      ? ["has a status that GitHub does not describe"]
      : checkErrorBody(body);
  if (headers["content-type"]?.startsWith("application/json") === false) return [];
  const answered = backend.validator.validateResponse(structuredClone(body) ?? null, operation, status);
  return (answered.errors ?? [])
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map((error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`);
}

/** GitHub answers any operation with its common errors, 401 for instance, and describes them for few. */
function checkErrorBody(body: unknown): string[] {
  const isError =
    typeof body === "object" &&
    body !== null &&
    "message" in body &&
    typeof body.message === "string" &&
    "documentation_url" in body;
  return isError ? [] : ["is no error as GitHub words them"];
}

/** GitHub alone sets `stale` and `startup_failure`; its description has them for suites and forgot the runs. */
function allowAllConclusions(definition: Document): void {
  const schemas = (definition.components?.schemas ?? {}) as Record<
    string,
    { properties: Record<string, { enum?: unknown[] }> }
  >;
  schemas["check-run"]?.properties["conclusion"]?.enum?.push("stale", "startup_failure");
}

/** Gives null a place wherever `nullable` is said. */
function repairNullable(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(repairNullable);
  if (typeof node !== "object" || node === null) return node;
  const repaired = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, VALUE_KEYS.has(key) ? value : repairNullable(value)]),
  );
  if (repaired["nullable"] !== true) return repaired;
  const { enum: values } = repaired;
  if (Array.isArray(values) && !values.includes(null)) repaired["enum"] = [...values, null];
  if ("type" in repaired) return repaired;
  const { nullable: _nullable, ...rest } = repaired;
  return { anyOf: [{ enum: [null] }, rest] };
}
