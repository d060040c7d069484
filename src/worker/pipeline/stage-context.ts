// Declares what every stage is given: the context, and the one run that it works on. A stage keeps nothing of its own
// between runs: whatever must last stands in the state, the journal, git or on GitHub.

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
import type { RunStep, WorkingStep } from "../state/run-step.ts";
import type { StageOutcome } from "./stage-outcome.ts";
import type { Workspaces } from "./workspace.ts";

export interface StageContext {
  readonly config: Config;
  readonly github: GitHub;
  /** Pull requests go to this branch. */
  readonly baseBranch: string;
  readonly state: StateTracker;
  /** It knows the issues whose text has made the worker stand still. */
  readonly attention: Attention;
  readonly journal: Journal;
  readonly workspaces: Workspaces;
  readonly agent: AgentDriver;
  readonly agentPause: AgentPause;
  readonly paths: WorkerPaths;
  readonly clock: Clock;
  /** It is the worker's; agent-environment.ts decides what a gate gets of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** These variables mark every process of this worker's tree. */
  readonly marks: Readonly<Record<string, string>>;
  /** It returns one line while the disks that a run writes to have no room for one; null while they have. */
  readonly roomProblem: () => Promise<string | null>;
  readonly redact: (text: string) => string;
  readonly emit: (event: WorkerEvent) => void;
}

export interface StageRun {
  /** It is as GitHub had it when the run began, with the title and body that were accepted. */
  readonly issue: Issue;
  readonly stage: Stage;
  readonly id: string;
  /** It counts from 1. */
  readonly attempt: number;
  readonly sessionId: string;
  /** The run had come this far when it began or was taken up again. */
  readonly step: RunStep;
  /** Returns the issue's state as it is now. */
  state(): IssueState;
  /** The step is durable when this resolves. */
  mark(step: WorkingStep): Promise<void>;
  change(change: (state: IssueState) => IssueState): Promise<void>;
  /** Says whether the issue, as just read, still stands where this run works on it. */
  isExpected(issue: Issue): boolean;
  /** Returns the journal key of an effect within this issue's cycle: `42.1/<effect>`. */
  key(effect: string): string;
}

export type StageWork = (context: StageContext, run: StageRun, signal: AbortSignal) => Promise<StageOutcome>;
