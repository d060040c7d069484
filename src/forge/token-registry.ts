// Who may speak: tokens and the logins they stand for, and the control token of the forge's own API. Kept in one private
// file, so that a restarted forge knows the same callers.

import { newToken } from "../core/bearer-token.ts";
import { readTextIfExists } from "../core/durable-file.ts";
import { z } from "../core/schema.ts";
import { StateFile } from "./state-file.ts";

const FILE_BYTES_MAX = 1_048_576;

const fileSchema = z.object({
  controlToken: z.string(),
  tokens: z.array(z.object({ token: z.string(), login: z.string() })),
});

export class TokenRegistry {
  readonly controlToken: string;
  readonly #loginByToken: Map<string, string>;
  readonly #file: StateFile;

  private constructor(path: string, content: z.infer<typeof fileSchema>) {
    this.controlToken = content.controlToken;
    this.#loginByToken = new Map(content.tokens.map(({ token, login }) => [token, login]));
    this.#file = new StateFile(path, () => ({
      controlToken: this.controlToken,
      tokens: [...this.#loginByToken].map(([token, login]) => ({ token, login })),
    }));
  }

  static async open(path: string): Promise<TokenRegistry> {
    const registry = new TokenRegistry(path, await readContent(path));
    await registry.#file.save();
    return registry;
  }

  async add(token: string, login: string): Promise<void> {
    this.#loginByToken.set(token, login);
    await this.#file.save();
  }

  async revoke(token: string): Promise<void> {
    this.#loginByToken.delete(token);
    await this.#file.save();
  }

  tokenOf(login: string): string | undefined {
    return [...this.#loginByToken].find(([, other]) => other.toLowerCase() === login.toLowerCase())?.[0];
  }

  loginOf(token: string): string | undefined {
    return this.#loginByToken.get(token);
  }

  logins(): string[] {
    return [...this.#loginByToken.values()];
  }
}

/** The token of an Authorization header: `token X`, `Bearer X`, or Basic with any user and the token as password. */
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
