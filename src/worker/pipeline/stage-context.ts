// What every stage is given, and the one run it works on. A stage keeps nothing of its own between runs: whatever must
// last stands in the state, the journal, git or on GitHub.

import type { Clock } from "../../core/base/clock.ts";
import type { Config } from "../../core/config/config.ts";
import type { WorkerPaths } from "../../core/files/paths.ts";
import type { Stage } from "../../core/domain/stage.ts";
import type { AgentDriver } from "../agent/contract/agent-driver.ts";
import type { Attention } from "../attention/attention.ts";
import type { WorkerEvent } from "../events/event.ts";
import type { GitHub, Issue } from "../github/port/github.ts";
import type { IssueState } from "../state/issue-state.ts";
import type { Journal } from "../state/journal.ts";
import type { StateTracker } from "../state/state-tracker.ts";
import type { AgentPause } from "./agent-pause.ts";
import type { RunStep } from "./run-step.ts";
import type { StageOutcome } from "./stage-outcome.ts";
import type { Workspaces } from "./workspace.ts";

export interface StageContext {
  readonly config: Config;
  readonly github: GitHub;
  /** The branch that pull requests go to. */
  readonly baseBranch: string;
  readonly state: StateTracker;
  /** Knows the issues whose text has made the worker stand still. */
  readonly attention: Attention;
  readonly journal: Journal;
  readonly workspaces: Workspaces;
  readonly agent: AgentDriver;
  readonly agentPause: AgentPause;
  readonly paths: WorkerPaths;
  readonly clock: Clock;
  /** Of the worker; what a gate gets of it is decided by agent-environment.ts. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Variables that mark every process of this worker's tree. */
  readonly marks: Readonly<Record<string, string>>;
  /** One line while the disks that a run writes to have no room for one; null as long as they have. */
  readonly roomProblem: () => Promise<string | null>;
  readonly redact: (text: string) => string;
  readonly emit: (event: WorkerEvent) => void;
}

export interface StageRun {
  /** As GitHub had it when the run began. */
  readonly issue: Issue;
  readonly stage: Stage;
  readonly id: string;
  /** Counts from 1. */
  readonly attempt: number;
  readonly sessionId: string;
  /** How far it had come when it began or was taken up again. */
  readonly step: RunStep;
  /** Of the issue, now. */
  state(): IssueState;
  /** Durable when it resolves. */
  mark(step: RunStep): Promise<void>;
  change(change: (state: IssueState) => IssueState): Promise<void>;
  /** Whether the issue, as just read, still stands where this run works on it. */
  isExpected(issue: Issue): boolean;
  /** Journal key within this issue's cycle: `42.1/<effect>`. */
  key(effect: string): string;
}

export type StageWork = (context: StageContext, run: StageRun, signal: AbortSignal) => Promise<StageOutcome>;
