// Says how the remote is reached: by its base URL, the credential and the transports. The credential goes to that base
// URL alone, in the environment of that one process (git-config(1): GIT_CONFIG_COUNT, http.<url>.extraHeader).

import { isLoopbackHost } from "./loopback-host.ts";
import type { RepositoryName } from "../../../core/domain/repository-name.ts";
import type { Result } from "../../../core/base/result.ts";
import { withoutTrailing } from "../../../core/base/trim-end.ts";
import type { GitCall } from "../command/git.ts";
import type { ConfigPair } from "../command/git-environment.ts";

export interface RemoteAccess {
  /** For instance `https://github.com`; `http:` is for loopback only. */
  readonly baseUrl: string;
  readonly token: string | null | TokenSource;
  /** Tests may use a bare repository on disk as the remote. */
  readonly allowFile?: boolean;
}

/** This credential changes; see remote-token.ts. */
export interface TokenSource {
  token(signal: AbortSignal): Promise<Result<string | null, { message: string; retryable: boolean }>>;
  /** Is called when the remote refused this token. */
  invalidate(token: string): void;
}

/** This access holds for one talk with the remote. */
export interface FixedAccess extends RemoteAccess {
  readonly token: string | null;
}

export function remoteUrl(access: RemoteAccess, repository: RepositoryName): string {
  return `${trimSlashes(access.baseUrl)}/${repository.owner}/${repository.name}.git`;
}

/** Makes a call that may use the network and, for http(s), has the credential in its environment. */
export function remoteCall(
  access: FixedAccess,
  call: Pick<GitCall, "directory" | "arguments"> & { readonly remoteUrl: string },
): GitCall {
  return { ...call, protocols: protocolsOf(access), config: credentialOf(access) };
}

function protocolsOf(access: RemoteAccess): readonly string[] {
  const url = new URL(access.baseUrl);
  if (url.protocol === "file:" && access.allowFile) return ["file"];
  return url.protocol === "http:" && isLoopbackHost(url.hostname) ? ["http"] : ["https"];
}

function credentialOf(access: FixedAccess): readonly ConfigPair[] {
  const url = new URL(access.baseUrl);
  if (access.token === null || !/^https?:$/.test(url.protocol)) return [];
  const basic = Buffer.from(`x-access-token:${access.token}`).toString("base64");
  return [[`http.${trimSlashes(access.baseUrl)}/.extraHeader`, `Authorization: Basic ${basic}`]];
}

function trimSlashes(url: string): string {
  return withoutTrailing(url, "/");
}
