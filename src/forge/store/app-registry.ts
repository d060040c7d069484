// The registry holds the GitHub Apps that the forge knows, and where they are installed. An app proves itself by a
// token that it signs with its private key; the forge keeps the public half alone. "Generating a JSON Web Token (JWT)
// for a GitHub App" has the rules.

import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";

import type { Clock } from "../../core/base/clock.ts";
import { readTextIfExists } from "../../core/files/durable-file.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import { StateFile } from "./state-file.ts";

const FILE_BYTES_MAX = 1_048_576;
const KEY_BITS = 2_048;
/** GitHub's tokens of an installation last an hour. */
const TOKEN_TTL_MS = 3_600_000;
const JWT_LIFE_MAX_S = 600;
const CLOCK_DRIFT_S = 60;

const appSchema = z.object({
  id: z.int(),
  slug: z.string(),
  owner: z.string(),
  publicKey: z.string(),
  installationId: z.int(),
  /** Each is `owner/name` in lower case. */
  repositories: z.array(z.string()),
  permissions: z.record(z.string(), z.enum(["read", "write"])),
  tokenTtlMs: z.int(),
});
export type AppRecord = z.infer<typeof appSchema>;

export interface AppInput {
  readonly slug: string;
  readonly repositories: readonly string[];
  readonly permissions: AppRecord["permissions"];
  readonly tokenTtlMs?: number | undefined;
}

export class AppRegistry {
  readonly #apps: AppRecord[];
  readonly #file: StateFile;
  readonly #clock: Clock;

  private constructor(path: string, apps: AppRecord[], clock: Clock) {
    this.#apps = apps;
    this.#clock = clock;
    this.#file = new StateFile(path, () => this.#apps);
  }

  static async open(path: string, clock: Clock): Promise<AppRegistry> {
    const text = await readTextIfExists(path, FILE_BYTES_MAX);
    return new AppRegistry(path, text === undefined ? [] : z.parse(z.array(appSchema), JSON.parse(text)), clock);
  }

  /** Gives the private key, which nobody keeps. */
  async add(owner: string, input: AppInput): Promise<{ app: AppRecord; privateKey: string }> {
    const keys = generateKeyPairSync("rsa", {
      modulusLength: KEY_BITS,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    const id = this.#apps.length + 1;
    const app = {
      id,
      slug: input.slug,
      owner,
      publicKey: keys.publicKey,
      installationId: 1_000 + id,
      repositories: input.repositories.map((name) => name.toLowerCase()),
      permissions: { metadata: "read" as const, ...input.permissions },
      tokenTtlMs: input.tokenTtlMs ?? TOKEN_TTL_MS,
    };
    this.#apps.push(app);
    await this.#file.save();
    return { app, privateKey: keys.privateKey };
  }

  all(): readonly AppRecord[] {
    return this.#apps;
  }

  /** Gives the app that signed this token, or GitHub's words for what is wrong with it. */
  verify(token: string): Result<AppRecord, string> {
    const [head = "", body = "", signature = ""] = token.split(".");
    const claims = z.safeParse(claimsSchema, readPart(body));
    if (!claims.success || readPart(head)?.["alg"] !== "RS256") {
      return fail("A JSON web token could not be decoded");
    }
    const { iss, iat, exp } = claims.data;
    const app = this.#apps.find(({ id }) => String(id) === String(iss));
    if (app === undefined) return fail("Integration not found");
    const key = createPublicKey(app.publicKey);
    if (!verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"))) {
      return fail("A JSON web token could not be decoded");
    }
    const now = this.#clock.now().getTime() / 1_000;
    if (iat > now + CLOCK_DRIFT_S) return fail("'Issued at' claim ('iat') must be in the past");
    if (exp <= now) return fail("'Expiration time' claim ('exp') must be in the future");
    if (exp > now + JWT_LIFE_MAX_S + CLOCK_DRIFT_S) {
      return fail("'Expiration time' claim ('exp') is too far in the future");
    }
    return ok(app);
  }
}

const claimsSchema = z.object({ iss: z.union([z.string(), z.int()]), iat: z.number(), exp: z.number() });

export function isJwt(token: string): boolean {
  return token.split(".").length === 3;
}

export function botLogin(app: Pick<AppRecord, "slug">): string {
  return `${app.slug}[bot]`;
}

function readPart(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
