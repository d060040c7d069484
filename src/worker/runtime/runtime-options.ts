// Says what every start must bring: the supervisor's message, a person's command line or a test.

import type { Clock } from "../../core/base/clock.ts";
import type { Config } from "../../core/config/config.ts";
import type { Redactor } from "../../core/logs/redact.ts";
import type { RepositoryName } from "../../core/domain/repository-name.ts";
import type { Result } from "../../core/base/result.ts";
import type { Silence } from "../../core/messages/worker-message.ts";
import type { AgentDriver } from "../agent/contract/agent-driver.ts";
import type { WorkerEvent } from "../events/event.ts";
import type { Connection } from "../github/access/connect.ts";

export interface RepoRuntimeOptions {
  readonly repository: RepositoryName;
  /** The operator named the repository, so the checkout's origin may say anything. */
  readonly isNamed: boolean;
  readonly slug: string;
  /** It is absolute, and may be missing when it lies in `clones`. */
  readonly checkout: string;
  readonly dataRoot: string;
  readonly clones: string | null;
  /** It is as it was when the worker started. */
  readonly config: Config;
  /**
   * Each start of the pipeline reads the settings again, because a clone brings the repository's own only then. The
   * failure is one line.
   */
  readonly loadConfig: () => Promise<Result<Config, string>>;
  /** It names this run of the worker in events and sessions. */
  readonly boot: string;
  /** It counts the worker's spawns; it is 0 for a worker started by hand. */
  readonly generation: number;
  /** It says how the worker before this one ended, if that one had fallen silent. */
  readonly silence?: Silence | null;
  /** It is the worker's own environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The addresses of these proxies hold a password; git and the API get them, and agents never do. */
  readonly secretProxies?: Readonly<Record<string, string>>;
  /** These variables mark every process of this worker's tree. */
  readonly marks: Readonly<Record<string, string>>;
  /** None of them may be seen in a log. */
  readonly secrets: readonly (string | null)[];
  /** It is called again as long as it fails; its failure is one line for people. */
  readonly connect: (emit: (event: WorkerEvent) => void, redactor: Redactor) => Promise<Result<Connection, string>>;
  readonly createAgent: (config: Config, redact: (text: string) => string) => Promise<AgentDriver>;
  readonly mirror?: { write(line: string): unknown };
  readonly clock?: Clock;
  /** Tests use a bare repository on disk as the remote. */
  readonly allowFileRemote?: boolean;
}
