// GitHub's answers about checks, and what they become in the words of check-state.ts.

import { z } from "../../core/schema.ts";
import type { CheckRun, CheckSuite, CommitStatus } from "./check-state.ts";

const text = z.nullish(z.string());

const runJson = z.object({
  name: z.string(),
  status: z.string(),
  conclusion: text,
  html_url: text,
  /** A job of a workflow, which is shown in the place of a check run, has none. */
  output: z.nullish(z.object({ title: text, summary: text })),
});

const runAnswer = z.pipe(
  runJson,
  z.transform(
    (json): CheckRun => ({
      name: json.name,
      status: json.status,
      conclusion: json.conclusion ?? null,
      summary: [json.output?.title, json.output?.summary].filter((part) => part).join(": "),
      url: json.html_url ?? "",
    }),
  ),
);

const suiteAnswer = z.pipe(
  z.object({
    status: text,
    conclusion: text,
    app: z.nullish(z.object({ slug: z.optional(z.string()), name: z.string() })),
    latest_check_runs_count: z.optional(z.int()),
    head_sha: z.string(),
  }),
  z.transform(
    (json): CheckSuite => ({
      name: `checks of ${json.app?.name ?? "an app"}`,
      app: json.app?.slug ?? json.app?.name ?? "",
      status: json.status ?? "queued",
      conclusion: json.conclusion ?? null,
      runs: json.latest_check_runs_count ?? 0,
      url: "",
    }),
  ),
);

const statusAnswer = z.pipe(
  z.object({ context: z.string(), state: z.string(), description: text, target_url: text }),
  z.transform(
    (json): CommitStatus => ({
      context: json.context,
      state: json.state,
      description: json.description ?? "",
      url: json.target_url ?? "",
    }),
  ),
);

export interface WorkflowRun {
  readonly id: number;
  readonly workflowId: number;
  readonly event: string;
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly url: string;
}

const workflowRunAnswer = z.pipe(
  z.object({
    id: z.int(),
    workflow_id: z.int(),
    event: z.string(),
    name: text,
    status: text,
    conclusion: text,
    html_url: z.string(),
  }),
  z.transform(
    (json): WorkflowRun => ({
      id: json.id,
      workflowId: json.workflow_id,
      event: json.event,
      name: json.name ?? `workflow ${json.workflow_id}`,
      status: json.status ?? "queued",
      conclusion: json.conclusion ?? null,
      url: json.html_url,
    }),
  ),
);

export const checkRunsPage = page("check_runs", runAnswer);
export const jobsPage = page("jobs", runAnswer);
export const checkSuitesPage = page("check_suites", suiteAnswer);
export const workflowRunsPage = page("workflow_runs", workflowRunAnswer);
export const statusesPage = page("statuses", statusAnswer);

const requiredChecks = z.nullish(
  z.object({
    contexts: z.optional(z.array(z.string())),
    checks: z.optional(z.array(z.object({ context: z.string() }))),
  }),
);

/** Names that branch protection requires; a branch shows them to whoever may read it. */
export const protectedBranchAnswer = z.pipe(
  z.object({ protection: z.nullish(z.object({ required_status_checks: requiredChecks })) }),
  z.transform(({ protection }) => namesIn(protection?.required_status_checks)),
);

/** Names that one rule of a ruleset requires. */
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
