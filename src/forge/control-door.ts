// The forge's own API below `/_forge`, for other processes: seeding repositories and issues, planning faults, reading the
// ledger. It needs the control token; GitHub's tokens do not open it.

import { hashToken, isAcceptedToken } from "../core/bearer-token.ts";
import { messageOf } from "../core/errors.ts";
import { z } from "../core/schema.ts";
import type { FaultOrder } from "./fault-plan.ts";
import type { Forge } from "./forge.ts";
import { type HttpReply, jsonReply } from "./http-reply.ts";
import { PERMISSIONS } from "./permission.ts";
import type { RestRequest } from "./rest-door.ts";
import { readAuthorization } from "./token-registry.ts";

const PREFIX = "/_forge/";
const text = z.string().check(z.minLength(1));
const repo = text;

const faultSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("status"),
    status: z.int().check(z.minimum(400), z.maximum(599)),
    retryAfter: z.optional(z.int()),
    body: z.optional(z.unknown()),
  }),
  z.strictObject({ kind: z.literal("rate-limited") }),
  z.strictObject({ kind: z.literal("secondary-limit"), retryAfter: z.int() }),
  z.strictObject({ kind: z.literal("half-body") }),
  z.strictObject({ kind: z.literal("reset") }),
  z.strictObject({ kind: z.literal("stall"), ms: z.int() }),
  z.strictObject({ kind: z.literal("after-effect-500") }),
]);

const schemas = {
  /** `pathPattern` is the source of a regular expression, `path` a part of the path. */
  faults: z.strictObject({
    match: z.strictObject({ method: z.optional(text), path: z.optional(text), pathPattern: z.optional(text) }),
    times: z.optional(z.int().check(z.minimum(1))),
    fault: faultSchema,
  }),
  repositories: z.strictObject({
    owner: text,
    name: text,
    defaultBranch: z.optional(text),
    private: z.optional(z.boolean()),
    ci: z.optional(z.nullable(z.strictObject({ command: text }))),
    collaborators: z.optional(z.record(z.string(), z.enum(PERMISSIONS))),
    files: z.optional(z.record(z.string(), z.string())),
  }),
  commits: z.strictObject({
    repo,
    branch: text,
    from: z.optional(text),
    message: text,
    files: z.record(z.string(), z.string()),
  }),
  collaborators: z.strictObject({ repo, login: text, permission: z.enum(PERMISSIONS) }),
  issues: z.strictObject({
    repo,
    title: text,
    body: z.optional(z.string()),
    labels: z.optional(z.array(text)),
    author: z.optional(text),
  }),
  comments: z.strictObject({ repo, number: z.int(), author: text, body: text }),
  tokens: z.strictObject({ token: text, login: text }),
  webhooks: z.strictObject({ repo, url: text, secret: z.string(), events: z.optional(z.array(text)) }),
  "rate-limit": z.strictObject({ limit: z.int(), windowMs: z.int() }),
};

type Inputs = { [Name in keyof typeof schemas]: z.infer<(typeof schemas)[Name]> };
type Actions = { [Name in keyof Inputs]: (forge: Forge, input: Inputs[Name]) => unknown };

const actions: Actions = {
  faults: (forge, { match: { pathPattern, ...match }, ...order }) =>
    forge.faults.plan({
      ...order,
      match: pathPattern === undefined ? match : { ...match, path: new RegExp(pathPattern) },
    } satisfies FaultOrder),
  repositories: (forge, input) => forge.createRepository(input),
  commits: (forge, { repo: name, ...change }) => forge.commitFiles(name, change),
  collaborators: (forge, input) => forge.addCollaborator(input.repo, input.login, input.permission),
  issues: (forge, { repo: name, ...issue }) => forge.createIssue(name, issue),
  comments: (forge, input) => forge.addComment(input.repo, input.number, input.author, input.body),
  tokens: (forge, input) => forge.addToken(input.token, input.login),
  webhooks: (forge, input) => forge.addWebhook(input.repo, input.url, input.secret, input.events),
  "rate-limit": (forge, input) => forge.setRateLimit(input),
};

export function isControlPath(url: URL): boolean {
  return url.pathname.startsWith(PREFIX);
}

export class ControlDoor {
  readonly #forge: Forge;
  readonly #tokenHash: string;

  constructor(forge: Forge) {
    this.#forge = forge;
    this.#tokenHash = hashToken(forge.controlToken);
  }

  async answer(request: RestRequest): Promise<HttpReply> {
    if (!isAcceptedToken(readAuthorization(request.headers.authorization), [this.#tokenHash])) {
      return jsonReply(401, { message: "send 'Authorization: Bearer <control token>'" });
    }
    const name = request.url.pathname.slice(PREFIX.length);
    if (request.method === "GET") return this.#read(name, request.url.searchParams);
    if (request.method === "DELETE" && name === "faults") {
      this.#forge.faults.clear();
      return jsonReply(200, {});
    }
    if (request.method !== "POST" || !isAction(name)) return unknownPath();
    try {
      return jsonReply(200, (await this.#act(name, JSON.parse(request.body.toString("utf8")))) ?? {});
    } catch (thrown) {
      return jsonReply(422, { message: messageOf(thrown) });
    }
  }

  #act<Name extends keyof Inputs>(name: Name, input: unknown): unknown {
    const action: Actions[Name] = actions[name];
    return action(this.#forge, z.parse(schemas[name], input) as Inputs[Name]);
  }

  #read(name: string, query: URLSearchParams): HttpReply {
    if (name === "ledger") {
      const after = Number(query.get("after") ?? 0);
      return jsonReply(
        200,
        this.#forge.ledger.filter((entry) => entry.seq > after),
      );
    }
    return name === "state" ? jsonReply(200, this.#forge.state()) : unknownPath();
  }
}

function isAction(name: string): name is keyof Inputs {
  return Object.hasOwn(schemas, name);
}

function unknownPath(): HttpReply {
  return jsonReply(404, { message: "the forge has no such control" });
}
