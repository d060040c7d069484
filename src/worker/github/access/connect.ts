// Opens the way to GitHub that the settings name: the network, the credential and the port over both. A GitHub App goes
// before GITHUB_TOKEN, which goes before the token file.

import type { Clock } from "../../../core/base/clock.ts";
import type { Config } from "../../../core/config/config.ts";
import { credentialFile } from "../../../core/config/github-token.ts";
import type { Redactor } from "../../../core/logs/redact.ts";
import type { RepositoryName } from "../../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { type Credential, fixedCredential, withRedaction } from "../port/credential.ts";
import { FileCredential } from "./file-credential.ts";
import type { GitHub } from "../port/github.ts";
import { createGitHub } from "../calls/octokit-github.ts";
import type { RequestsOptions } from "../transport/client.ts";
import { type NetworkWay, networkWay } from "../transport/network-way.ts";

export interface ConnectOptions {
  readonly config: Config;
  readonly repository: RepositoryName;
  /** The state directory. */
  readonly home: string;
  /** The `GITHUB_TOKEN` of the daemon, or of whoever starts a worker by hand. */
  readonly environmentToken: string | null;
  /** The proxy and the certificates are read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly onFailure: RequestsOptions["onFailure"];
}

export interface Connection {
  readonly credential: Credential;
  readonly github: GitHub;
}

/** Connects; the failure is one line for people. */
export async function connect(options: ConnectOptions): Promise<Result<Connection, string>> {
  const { config, repository, userAgent, clock, redactor, onFailure } = options;
  const network = networkWay(config.githubApiUrl, options.environment);
  if (!network.ok) return network;
  for (const secret of network.value.secrets) redactor.add(secret);
  const opened = await openCredential(options, network.value);
  if (!opened.ok) return opened;
  const credential = withRedaction(opened.value, redactor);
  const apiUrl = config.githubApiUrl;
  const github = createGitHub({
    apiUrl,
    repository,
    credential,
    userAgent,
    clock,
    onFailure,
    network: network.value,
  });
  return ok({ credential, github });
}

async function openCredential(options: ConnectOptions, network: NetworkWay): Promise<Result<Credential, string>> {
  const { config, home, repository, environmentToken, userAgent, clock } = options;
  const { githubApiUrl: apiUrl, githubAppId: appId, githubAppPrivateKeyFile: keyFile } = config;
  if ((appId === undefined) !== (keyFile === undefined))
    return fail("a GitHub App needs githubAppId and githubAppPrivateKeyFile; see docs/github-credentials.md");
  if (appId === undefined || keyFile === undefined) {
    if (environmentToken !== null) return ok(fixedCredential(environmentToken));
    return ok(new FileCredential(credentialFile(home, config.githubTokenFile), clock));
  }
  const { AppCredential } = await import("./app-credential.ts");
  const installationId = config.githubAppInstallationId;
  const privateKeyFile = credentialFile(home, keyFile);
  return ok(
    new AppCredential({ apiUrl, repository, appId, installationId, privateKeyFile, userAgent, clock, network }),
  );
}
