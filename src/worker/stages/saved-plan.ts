// The accepted plan of an issue, read back for later prompts.

import { readTextIfExists } from "../../core/durable-file.ts";
import type { StageRun } from "../pipeline/stage-context.ts";

const PLAN_BYTES_MAX = 1_048_576;

/** Null where there is none, for instance when a person set the label by hand. */
export async function readPlan(run: StageRun): Promise<string | null> {
  const { plan } = run.state();
  return plan === null ? null : ((await readTextIfExists(plan, PLAN_BYTES_MAX))?.trim() ?? null);
}
