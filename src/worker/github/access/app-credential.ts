// Gets tokens for a GitHub App: its private key signs for a token of the installation that has the repository, which
// holds an hour. A token is renewed while it still has some minutes, so that none runs out on its way, and after GitHub
// refused it.

import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";

import type { Clock } from "../../../core/base/clock.ts";
import { messageOf } from "../../../core/base/errors.ts";
import type { RepositoryName } from "../../../core/domain/repository-name.ts";
import { fail, ok } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import { readTokenFile } from "../../../core/files/token-file.ts";
import { withoutTrailing } from "../../../core/base/trim-end.ts";
import type { Answer, GitHubFailure } from "../port/github.ts";
import { gitHubFailure, refusedOf } from "../port/github-failure.ts";
import { boundedFetch } from "../transport/bounded-fetch.ts";
import { SILENT_LOG } from "../transport/client.ts";
import type { NetworkWay } from "../transport/network-way.ts";
import type { Credential } from "../port/credential.ts";

const RENEW_BEFORE_MS = 5 * 60_000;
/** A token that is refused right after it was made has not run out; making more of them would not help. */
const REMAKE_AFTER_MS = 60_000;

const installationAnswer = z.object({ id: z.int() });
const appAnswer = z.object({ slug: z.string() });

export interface AppCredentialOptions {
  readonly apiUrl: string;
  readonly repository: RepositoryName;
  readonly appId: number | string;
  readonly installationId: number | undefined;
  readonly privateKeyFile: string;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly network: NetworkWay;
}

type AppAuth = ReturnType<typeof createAppAuth>;

interface Made {
  readonly token: string;
  readonly expiresAtMs: number;
  readonly madeAtMs: number;
}

export class AppCredential implements Credential {
  readonly kind = "app";
  readonly #options: AppCredentialOptions;
  readonly #request: Octokit["request"];
  #made: Made | null = null;
  #making: Answer<string> | null = null;
  #isRefused = false;
  #installationId: number | undefined;

  constructor(options: AppCredentialOptions) {
    this.#options = options;
    this.#installationId = options.installationId;
    const fetch = boundedFetch({
      origin: new URL(options.apiUrl).origin,
      pausedUntil: () => null,
      agent: options.network.agent,
    });
    const { userAgent, apiUrl } = options;
    const baseUrl = withoutTrailing(apiUrl, "/");
    this.#request = new Octokit({ baseUrl, userAgent, log: SILENT_LOG, request: { fetch } }).request;
  }

  /** Callers at the same time share one request, which none of them can end for the others. */
  async token(signal: AbortSignal): Answer<string> {
    const now = this.#options.clock.now().getTime();
    const made = this.#made;
    if (made !== null && !this.#isRefused && made.expiresAtMs - now > RENEW_BEFORE_MS) return ok(made.token);
    this.#making ??= this.#make().finally(() => {
      this.#making = null;
    });
    const token = await this.#making;
    signal.throwIfAborted();
    return token;
  }

  invalidate(token: string): void {
    const made = this.#made;
    if (made?.token !== token) return;
    this.#isRefused = this.#options.clock.monotonicMs() - made.madeAtMs >= REMAKE_AFTER_MS;
  }

  async login(): Answer<string> {
    try {
      const auth = await this.#auth();
      const { token } = await auth({ type: "app" });
      const { data } = await this.#request("GET /app", { headers: { authorization: `bearer ${token}` } });
      return ok(`${z.parse(appAnswer, data).slug}[bot]`);
    } catch (error) {
      return fail(this.#failure(error));
    }
  }

  async #make(): Answer<string> {
    const { clock } = this.#options;
    try {
      const auth = await this.#auth();
      this.#installationId ??= await this.#findInstallation(auth);
      const made = await auth({ type: "installation", installationId: this.#installationId, refresh: true });
      const expiresAtMs = Date.parse(made.expiresAt);
      this.#made = { token: made.token, expiresAtMs, madeAtMs: clock.monotonicMs() };
      this.#isRefused = false;
      return ok(made.token);
    } catch (error) {
      // An App that was installed anew has another installation.
      this.#installationId = this.#options.installationId;
      return fail(this.#failure(error));
    }
  }

  async #findInstallation(auth: AppAuth): Promise<number> {
    const { token } = await auth({ type: "app" });
    const { owner, name } = this.#options.repository;
    const { data } = await this.#request("GET /repos/{owner}/{repo}/installation", {
      owner,
      repo: name,
      headers: { authorization: `bearer ${token}` },
    });
    return z.parse(installationAnswer, data).id;
  }

  /** The key is read each time: it is needed once an hour, and may be replaced. */
  async #auth(): Promise<AppAuth> {
    const { privateKeyFile, appId } = this.#options;
    const privateKey = await readTokenFile(privateKeyFile);
    if (privateKey === undefined) throw new Error(`${privateKeyFile} holds no private key`);
    return createAppAuth({ appId, privateKey, log: SILENT_LOG, request: this.#request });
  }

  #failure(error: unknown): GitHubFailure {
    const refused = refusedOf(error);
    const failure =
      refused === undefined
        ? ({ kind: "unauthorized", status: 0, retryable: false, retryAt: null } as const)
        : gitHubFailure(refused, this.#options.clock.now());
    const hint = failure.kind === "not-found" ? "is the App installed on this repository? " : "";
    return { ...failure, message: `the GitHub App got no token: ${hint}${messageOf(error)}` };
  }
}
