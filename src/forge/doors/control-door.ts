// Other processes speak to the forge's own API below `/_forge`: they seed repositories and issues, plan faults, and
// read the ledger. It needs the control token; GitHub's tokens do not open it.

import { hashToken, isAcceptedToken } from "../../core/http/bearer-token.ts";
import { messageOf } from "../../core/base/errors.ts";
import { z } from "../../core/base/schema.ts";
import type { FaultOrder, FaultPlan } from "./fault-plan.ts";
import type { ForgeOwner } from "../repositories/forge-owner.ts";
import { type HttpReply, jsonReply } from "./http-reply.ts";
import { PERMISSIONS } from "../store/permission.ts";
import { CHECK_CONCLUSIONS, CHECK_STATUSES } from "../store/repository-record.ts";
import type { LedgerEntry } from "../store/ledger.ts";
import { protectionFields, ruleSchema, settingsFields } from "../store/repository-settings.ts";
import type { RestRequest } from "./rest-door.ts";
import { readAuthorization, tokenFields } from "../store/token-registry.ts";

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
  z.strictObject({ kind: z.literal("secondary-page") }),
  z.strictObject({ kind: z.literal("secondary-limit"), retryAfter: z.int() }),
  z.strictObject({ kind: z.literal("half-body") }),
  z.strictObject({ kind: z.literal("reset") }),
  z.strictObject({ kind: z.literal("stall"), ms: z.int() }),
  z.strictObject({ kind: z.literal("after-effect-500") }),
]);

const reviewState = z.enum(["APPROVED", "CHANGES_REQUESTED", "COMMENTED"]);

const schemas = {
  /** `pathPattern` is the source of a regular expression, `path` a part of the path. */
  faults: z.strictObject({
    match: z.strictObject({ method: z.optional(text), path: z.optional(text), pathPattern: z.optional(text) }),
    times: z.optional(z.int().check(z.minimum(1))),
    fault: faultSchema,
  }),
  /** Faults strike a share of all requests, by chance, until they are cleared. */
  "fault-rate": z.strictObject({
    share: z.number().check(z.minimum(0), z.maximum(1)),
    faults: z.array(faultSchema).check(z.minLength(1)),
    seed: z.int(),
  }),
  repositories: z.strictObject({
    owner: text,
    name: text,
    defaultBranch: z.optional(text),
    private: z.optional(z.boolean()),
    ci: z.optional(z.nullable(z.strictObject({ command: text }))),
    collaborators: z.optional(z.record(z.string(), z.enum(PERMISSIONS))),
    files: z.optional(z.record(z.string(), z.string())),
    settings: z.optional(z.strictObject(settingsFields)),
  }),
  settings: z.strictObject({ repo, ...settingsFields }),
  /** Sets the classic protection of a branch; `protection` null takes it away. */
  protections: z.strictObject({ repo, branch: text, protection: z.nullable(z.strictObject(protectionFields)) }),
  /** They replace all rulesets so far. */
  rulesets: z.strictObject({
    repo,
    rulesets: z.array(
      z.strictObject({ name: z.optional(text), refs: z.optional(z.array(text)), rules: z.array(ruleSchema) }),
    ),
  }),
  renames: z.strictObject({ repo, to: text }),
  transfers: z.strictObject({ repo, number: z.int(), to: text }),
  deletions: z.strictObject({ repo, number: z.int() }),
  locks: z.strictObject({
    repo,
    number: z.int(),
    reason: z.optional(z.nullable(z.enum(["off-topic", "too heated", "resolved", "spam", ""]))),
  }),
  threads: z.strictObject({ repo, number: z.int(), open: z.int() }),
  edits: z.strictObject({
    repo,
    number: z.int(),
    author: z.optional(text),
    title: z.optional(text),
    body: z.optional(z.string()),
    state: z.optional(z.enum(["open", "closed"])),
    labels: z.optional(z.array(text)),
  }),
  reviews: z.strictObject({ repo, number: z.int(), author: text, state: reviewState, body: z.optional(z.string()) }),
  checks: z.strictObject({
    repo,
    sha: text,
    name: text,
    app: z.optional(text),
    status: z.optional(z.enum(CHECK_STATUSES)),
    conclusion: z.optional(z.enum(CHECK_CONCLUSIONS)),
    summary: z.optional(z.string()),
  }),
  suites: z.strictObject({ repo, sha: text, app: text, end: z.optional(z.enum(CHECK_CONCLUSIONS)) }),
  apps: z.strictObject({
    slug: text,
    repositories: z.array(text),
    permissions: z.record(z.string(), z.enum(["read", "write"])),
    tokenTtlMs: z.optional(z.int()),
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
  tokens: z.strictObject(tokenFields),
  revocations: z.strictObject({ token: text }),
  webhooks: z.strictObject({ repo, url: text, secret: z.string(), events: z.optional(z.array(text)) }),
  "rate-limit": z.strictObject({ limit: z.int(), windowMs: z.int() }),
};

type Inputs = { [Name in keyof typeof schemas]: z.infer<(typeof schemas)[Name]> };
type Without<Name extends keyof Inputs, Key extends string> = Omit<Inputs[Name], Key>;

/** The control door moves the forge through this. */
interface ControlledForge {
  readonly controlToken: string;
  readonly faults: FaultPlan;
  readonly owner: ForgeOwner;
  readonly ledger: readonly LedgerEntry[];
  createRepository(input: Inputs["repositories"]): unknown;
  commitFiles(repo: string, change: Without<"commits", "repo">): unknown;
  addCollaborator(repo: string, login: string, permission: Inputs["collaborators"]["permission"]): unknown;
  createIssue(repo: string, issue: Without<"issues", "repo">): unknown;
  addComment(repo: string, number: number, author: string, body: string): unknown;
  addToken(token: string, login: string, more: Without<"tokens", "token" | "login">): unknown;
  revokeToken(token: string): unknown;
  editIssue(repo: string, number: number, edit: Without<"edits", "repo" | "number">): unknown;
  addReview(repo: string, number: number, review: Inputs["reviews"]): unknown;
  setCheck(repo: string, sha: string, check: Without<"checks", "repo" | "sha">): unknown;
  openSuite(repo: string, sha: string, app: string, end: Inputs["suites"]["end"]): unknown;
  addWebhook(repo: string, url: string, secret: string, events?: string[]): unknown;
  setRateLimit(limit: Inputs["rate-limit"]): unknown;
  state(): unknown;
}

type Actions = { [Name in keyof Inputs]: (forge: ControlledForge, input: Inputs[Name]) => unknown };

const actions: Actions = {
  faults: (forge, { match: { pathPattern, ...match }, ...order }) =>
    forge.faults.plan({
      ...order,
      // Only tests order faults by an expression, and each brings its own.
      // oxlint-disable-next-line hydraflow/linear-expression
      match: pathPattern === undefined ? match : { ...match, path: new RegExp(pathPattern) },
    } satisfies FaultOrder),
  "fault-rate": (forge, input) => forge.faults.strikeAtRate(input),
  repositories: (forge, input) => forge.createRepository(input),
  commits: (forge, { repo: name, ...change }) => forge.commitFiles(name, change),
  collaborators: (forge, input) => forge.addCollaborator(input.repo, input.login, input.permission),
  issues: (forge, { repo: name, ...issue }) => forge.createIssue(name, issue),
  comments: (forge, input) => forge.addComment(input.repo, input.number, input.author, input.body),
  tokens: (forge, { token, login, ...more }) => forge.addToken(token, login, more),
  revocations: (forge, { token }) => forge.revokeToken(token),
  settings: (forge, { repo: name, ...edit }) => forge.owner.change(name, edit),
  protections: (forge, input) => forge.owner.protect(input.repo, input.branch, input.protection),
  rulesets: (forge, input) => forge.owner.setRulesets(input.repo, input.rulesets),
  renames: (forge, input) => forge.owner.rename(input.repo, input.to),
  transfers: (forge, input) => forge.owner.transferIssue(input.repo, input.number, input.to),
  deletions: (forge, input) => forge.owner.deleteIssue(input.repo, input.number),
  locks: (forge, input) => forge.owner.lockIssue(input.repo, input.number, input.reason),
  threads: (forge, input) => forge.owner.setOpenThreads(input.repo, input.number, input.open),
  edits: (forge, { repo: name, number, ...edit }) => forge.editIssue(name, number, edit),
  reviews: (forge, input) => forge.addReview(input.repo, input.number, input),
  checks: (forge, { repo: name, sha, ...check }) => forge.setCheck(name, sha, check),
  suites: (forge, { repo: name, sha, app, end }) => forge.openSuite(name, sha, app, end),
  apps: (forge, input) => forge.owner.installApp(input),
  webhooks: (forge, input) => forge.addWebhook(input.repo, input.url, input.secret, input.events),
  "rate-limit": (forge, input) => forge.setRateLimit(input),
};

export function isControlPath(url: URL): boolean {
  return url.pathname.startsWith(PREFIX);
}

export class ControlDoor {
  readonly #forge: ControlledForge;
  readonly #tokenHash: string;

  constructor(forge: ControlledForge) {
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
