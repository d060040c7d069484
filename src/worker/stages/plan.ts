// Plan has an agent that may read the code write a plan. plan-check.ts holds it to its rules, and a plan that passes is
// kept and shown on the issue. An issue that the code satisfies already ends here, if the evidence is there.

import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, sep } from "node:path";

import { readSmallFile } from "../../core/checkout/small-file.ts";
import { ensurePrivateDirectory, replaceFile } from "../../core/files/durable-file.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import { type PlanVerdict, VERDICTS } from "../agent/contract/verdict.ts";
import { AgentSession } from "../workbench/agent-session.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { planPrompt, replanPrompt } from "../prompt/plan-prompt.ts";
import { planComment, satisfiedComment } from "../issues/issue-text.ts";
import { checkPlan, planScaleOf, readEvidence } from "../workbench/plan-check.ts";

/** A file that a plan names is read up to this size. */
const FILE_BYTES_MAX = 16_777_216;

export async function plan(context: StageContext, run: StageRun, signal: AbortSignal): Promise<StageOutcome> {
  const { issue } = run;
  const opened = await context.workspaces.open(issue.number, context.baseBranch, signal);
  if (!opened.ok) return gitOutcome(opened.failure);
  const session = new AgentSession({ context, run, workspace: opened.value });
  const scale = planScaleOf(issue);
  const { minPlanWords } = context.config;
  let prompt = planPrompt(issue, run.state().guidance, scale, minPlanWords);
  let problems: readonly string[] = [];
  for (const _try of ["first", "second"]) {
    const verdict = await session.turn({ role: "plan", prompt, access: "read", verdict: VERDICTS.plan }, signal);
    if (!verdict.ok) return verdict.failure;
    if (verdict.value.outcome === "needs_input")
      return handOff("question", verdict.value.question ?? verdict.value.summary);
    const judged = await judge(verdict.value, { scale, minPlanWords, directory: opened.value.path });
    if (judged.ok) return judged.value === "plan" ? accept(context, run, verdict.value) : satisfied(verdict.value);
    problems = judged.failure;
    prompt = replanPrompt(problems);
  }
  const list = problems.map((problem) => `- ${problem}`).join("\n");
  return handOff(
    "question",
    `No plan came out that keeps the rules:\n${list}\n\nWhat should the plan say, or how can the issue be made clearer?`,
  );
}

async function judge(
  verdict: PlanVerdict,
  rules: { readonly scale: "lite" | "full"; readonly minPlanWords: number; readonly directory: string },
): Promise<Result<"plan" | "satisfied", readonly string[]>> {
  if (verdict.outcome === "plan") {
    const problems = checkPlan(verdict.plan ?? "", rules.scale, rules.minPlanWords);
    return problems.length === 0 ? ok("plan") : fail(problems);
  }
  const claim = readEvidence(verdict.evidence ?? { feature: "", tests: "", criteria: "" });
  const missing: string[] = [];
  for (const { path, line } of claim.places) {
    if (!(await hasLine(rules.directory, path, line))) missing.push(`there is no line ${line} in ${path}`);
  }
  const problems = [...claim.problems, ...missing];
  return problems.length === 0 ? ok("satisfied") : fail(problems);
}

async function accept(context: StageContext, run: StageRun, verdict: PlanVerdict): Promise<StageOutcome> {
  const path = context.paths.plan(run.issue.number);
  const text = verdict.plan ?? "";
  await ensurePrivateDirectory(dirname(path));
  await replaceFile(path, `${text}\n`);
  const comment = { key: "plan", body: planComment(text, verdict.summary) };
  return { kind: "advance", to: "ready", note: "plan accepted", comment, change: { plan: path, feedback: null } };
}

function satisfied(verdict: PlanVerdict): StageOutcome {
  const comment = { key: "satisfied", body: satisfiedComment(verdict) };
  return { kind: "close", result: "already_satisfied", reason: verdict.summary, comment };
}

/** Links out of the worktree do not count as places in it. */
async function hasLine(directory: string, path: string, line: number): Promise<boolean> {
  if (isAbsolute(path) || line < 1) return false;
  try {
    const real = await realpath(join(directory, path));
    if (!real.startsWith(`${await realpath(directory)}${sep}`)) return false;
    return ((await readSmallFile(real, FILE_BYTES_MAX)) ?? "").split("\n").length >= line;
  } catch {
    return false;
  }
}
