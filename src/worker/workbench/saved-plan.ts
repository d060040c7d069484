// Reads the accepted plan of an issue back, for later prompts.

import { readTextIfExists } from "../../core/files/durable-file.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";

const PLAN_BYTES_MAX = 1_048_576;

/**
 * Returns null where there is none, for instance when a person set the label by hand. The path in the state is not
 * used, because the data root may have been moved since.
 */
export async function readPlan({ paths }: StageContext, run: StageRun): Promise<string | null> {
  if (run.state().plan === null) return null;
  return (await readTextIfExists(paths.plan(run.issue.number), PLAN_BYTES_MAX))?.trim() ?? null;
}
