// What a start must bring, whoever starts: the supervisor's message, a person's command line or a test.

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
  /** The operator named it; then the checkout's origin may say anything. */
  readonly isNamed: boolean;
  readonly slug: string;
  /** Absolute; may be missing when it lies in `clones`. */
  readonly checkout: string;
  readonly dataRoot: string;
  readonly clones: string | null;
  /** As it was when the worker started. */
  readonly config: Config;
  /** Read again at each start of the pipeline: a clone brings the repository's own settings only then. The failure is one line. */
  readonly loadConfig: () => Promise<Result<Config, string>>;
  /** Names this run of the worker in events and sessions. */
  readonly boot: string;
  /** Which birth of the worker this is; 0 by hand. */
  readonly generation: number;
  /** How the worker before ended, where it ended silent. */
  readonly silence?: Silence | null;
  /** The worker's own environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Proxies whose address holds a password; for git and the API, never for agents. */
  readonly secretProxies?: Readonly<Record<string, string>>;
  /** Variables that mark every process of this worker's tree. */
  readonly marks: Readonly<Record<string, string>>;
  /** Never to be seen in a log. */
  readonly secrets: readonly (string | null)[];
  /** Asked again and again as long as it fails, with one line for people. */
  readonly connect: (emit: (event: WorkerEvent) => void, redactor: Redactor) => Promise<Result<Connection, string>>;
  readonly createAgent: (config: Config, redact: (text: string) => string) => Promise<AgentDriver>;
  readonly mirror?: { write(line: string): unknown };
  readonly clock?: Clock;
  /** Tests use a bare repository on disk as the remote. */
  readonly allowFileRemote?: boolean;
}
