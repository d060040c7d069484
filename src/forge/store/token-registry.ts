// The registry says who may speak: tokens and the logins they stand for, and the control token of the forge's own API.
// It is kept in one private file, so that a restarted forge knows the same callers.

import { newToken } from "../../core/http/bearer-token.ts";
import type { Clock } from "../../core/base/clock.ts";
import { readTextIfExists } from "../../core/files/durable-file.ts";
import { z } from "../../core/base/schema.ts";
import { StateFile } from "./state-file.ts";

const FILE_BYTES_MAX = 1_048_576;

export const tokenFields = {
  token: z.string().check(z.minLength(1)),
  login: z.string().check(z.minLength(1)),
  /** A classic token may do whatever its login may; the others only what `permissions` names. */
  kind: z._default(z.enum(["classic", "fine-grained", "installation"]), "classic"),
  /** Maps GitHub's name of a permission to how far it goes. */
  permissions: z._default(z.record(z.string(), z.enum(["read", "write"])), {}),
  /** The time is ISO; it is null for a token that lasts. */
  expiresAt: z._default(z.nullable(z.string()), null),
};
const tokenSchema = z.object(tokenFields);
const fileSchema = z.object({ controlToken: z.string(), tokens: z.array(tokenSchema) });

export type TokenRecord = z.infer<typeof tokenSchema>;
export type TokenInput = z.input<typeof tokenSchema>;

export class TokenRegistry {
  readonly controlToken: string;
  readonly #tokens: Map<string, TokenRecord>;
  readonly #file: StateFile;
  readonly #clock: Clock;

  private constructor(path: string, content: z.infer<typeof fileSchema>, clock: Clock) {
    this.controlToken = content.controlToken;
    this.#clock = clock;
    this.#tokens = new Map(content.tokens.map((record) => [record.token, record]));
    this.#file = new StateFile(path, () => ({ controlToken: this.controlToken, tokens: [...this.#tokens.values()] }));
  }

  static async open(path: string, clock: Clock): Promise<TokenRegistry> {
    const registry = new TokenRegistry(path, await readContent(path), clock);
    await registry.#file.save();
    return registry;
  }

  async add(input: TokenInput): Promise<void> {
    this.#tokens.set(input.token, z.parse(tokenSchema, input));
    await this.#file.save();
  }

  async revoke(token: string): Promise<void> {
    this.#tokens.delete(token);
    await this.#file.save();
  }

  tokenOf(login: string): string | undefined {
    return [...this.#tokens.values()].find((record) => record.login.toLowerCase() === login.toLowerCase())?.token;
  }

  /** Gives undefined for a token that is unknown, revoked or expired. */
  find(token: string): TokenRecord | undefined {
    const record = this.#tokens.get(token);
    const isOver = typeof record?.expiresAt === "string" && Date.parse(record.expiresAt) <= this.#clock.now().getTime();
    return isOver ? undefined : record;
  }

  loginOf(token: string): string | undefined {
    return this.find(token)?.login;
  }

  logins(): string[] {
    return [...this.#tokens.values()].map(({ login }) => login);
  }
}

/**
 * Reads the token of an Authorization header: `token X`, `Bearer X`, or Basic with any user and the token as password.
 */
export function readAuthorization(header: string | undefined): string | undefined {
  const [, scheme = "", value = ""] = /^(\S+)\s+(\S+)$/.exec(header ?? "") ?? [];
  if (/^(token|bearer)$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return undefined;
  const [user = "", password = ""] = Buffer.from(value, "base64").toString("utf8").split(/:(.*)/s);
  return password === "" ? user : password;
}

async function readContent(path: string): Promise<z.infer<typeof fileSchema>> {
  const text = await readTextIfExists(path, FILE_BYTES_MAX);
  return text === undefined ? { controlToken: newToken(), tokens: [] } : z.parse(fileSchema, JSON.parse(text));
}
