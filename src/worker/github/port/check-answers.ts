// Checks GitHub's answers about checks, and turns them into the words of check-state.ts.

import { z } from "../../../core/base/schema.ts";
import { ACTIONS_APP, type CheckRun, type CheckSuite, type CommitStatus } from "./check-state.ts";

const text = z.nullish(z.string());

/** These pull requests have the commit as their head; GitHub names none of forks. */
const pullRequests = z.nullish(z.array(z.object({ base: z.object({ ref: z.string() }) })));

const runJson = z.object({
  id: z.int(),
  name: z.string(),
  status: z.string(),
  conclusion: text,
  html_url: text,
  started_at: text,
});

const runAnswer = z.pipe(
  z.extend(runJson, {
    output: z.nullish(z.object({ title: text, summary: text })),
    app: z.nullish(z.object({ slug: z.optional(z.string()) })),
    check_suite: z.nullish(z.object({ id: z.int() })),
  }),
  z.transform(
    (json): CheckRun => ({
      ...runOf(json),
      app: json.app?.slug ?? "",
      suite: json.check_suite?.id ?? 0,
      summary: [json.output?.title, json.output?.summary].filter((part) => part).join(": "),
    }),
  ),
);

/** A job of a workflow run stands for its check run. */
const jobAnswer = z.pipe(
  z.extend(runJson, { run_id: z.int() }),
  z.transform((json): CheckRun => ({ ...runOf(json), app: ACTIONS_APP, suite: json.run_id, summary: "" })),
);

const suiteAnswer = z.pipe(
  z.object({
    id: z.int(),
    status: text,
    conclusion: text,
    app: z.nullish(z.object({ slug: z.optional(z.string()), name: z.string() })),
    latest_check_runs_count: z.optional(z.int()),
    head_sha: z.string(),
    created_at: text,
    pull_requests: pullRequests,
  }),
  z.transform(
    (json): CheckSuite => ({
      id: json.id,
      name: `checks of ${json.app?.name ?? "an app"}`,
      app: json.app?.slug ?? json.app?.name ?? "",
      status: json.status ?? "queued",
      conclusion: json.conclusion ?? null,
      runs: json.latest_check_runs_count ?? 0,
      url: "",
      createdAt: json.created_at ?? "",
      base: json.pull_requests?.[0]?.base.ref ?? null,
    }),
  ),
);

const statusAnswer = z.pipe(
  z.object({ context: z.string(), state: z.string(), description: text, target_url: text, created_at: text }),
  z.transform(
    (json): CommitStatus => ({
      context: json.context,
      state: json.state,
      description: json.description ?? "",
      url: json.target_url ?? "",
      createdAt: json.created_at ?? "",
    }),
  ),
);

export interface WorkflowRun extends Omit<CheckSuite, "runs" | "app"> {
  readonly workflowId: number;
  readonly event: string;
  /** The number of its check suite. */
  readonly suite: number;
}

const workflowRunAnswer = z.pipe(
  z.object({
    id: z.int(),
    workflow_id: z.int(),
    check_suite_id: z.optional(z.int()),
    event: z.string(),
    name: text,
    status: text,
    conclusion: text,
    html_url: z.string(),
    created_at: text,
    pull_requests: pullRequests,
  }),
  z.transform(
    (json): WorkflowRun => ({
      id: json.id,
      workflowId: json.workflow_id,
      suite: json.check_suite_id ?? 0,
      event: json.event,
      name: json.name ?? `workflow ${json.workflow_id}`,
      status: json.status ?? "queued",
      conclusion: json.conclusion ?? null,
      url: json.html_url,
      createdAt: json.created_at ?? "",
      base: json.pull_requests?.[0]?.base.ref ?? null,
    }),
  ),
);

export const checkRunsPage = page("check_runs", runAnswer);
export const jobsPage = page("jobs", jobAnswer);
export const checkSuitesPage = page("check_suites", suiteAnswer);
export const workflowRunsPage = page("workflow_runs", workflowRunAnswer);
export const statusesPage = page("statuses", statusAnswer);

const requiredChecks = z.nullish(
  z.object({
    contexts: z.optional(z.array(z.string())),
    checks: z.optional(z.array(z.object({ context: z.string() }))),
  }),
);

/** Reads the names that branch protection requires; a branch shows them to whoever may read it. */
export const protectedBranchAnswer = z.pipe(
  z.object({ protection: z.nullish(z.object({ required_status_checks: requiredChecks })) }),
  z.transform(({ protection }) => namesIn(protection?.required_status_checks)),
);

/** Reads the names that one rule of a ruleset requires. */
export const ruleAnswer = z.pipe(
  z.object({
    type: z.string(),
    parameters: z.nullish(z.object({ required_status_checks: z.optional(z.array(z.object({ context: z.string() }))) })),
  }),
  z.transform(({ type, parameters }) =>
    type === "required_status_checks" ? (parameters?.required_status_checks ?? []).map(({ context }) => context) : [],
  ),
);

function namesIn(required: z.infer<typeof requiredChecks>): string[] {
  return [...(required?.contexts ?? []), ...(required?.checks ?? []).map(({ context }) => context)];
}

function runOf({ id, name, status, conclusion, html_url: url, started_at: startedAt }: z.infer<typeof runJson>) {
  return { id, name, status, conclusion: conclusion ?? null, url: url ?? "", startedAt: startedAt ?? "" };
}

function page<T, K extends string>(key: K, entry: z.core.$ZodType<T>) {
  return z.pipe(
    z.record(z.string(), z.unknown()),
    z.transform((json, context): readonly T[] => {
      const parsed = z.safeParse(z.array(entry), json[key]);
      if (parsed.success) return parsed.data;
      const [first] = parsed.error.issues;
      context.issues.push({
        code: "custom",
        message: first?.message ?? "",
        path: [key, ...(first?.path ?? [])],
        input: json,
      });
      return [];
    }),
  );
}
