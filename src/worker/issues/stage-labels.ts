// Makes the repository's labels at the start, with colour and description, so that a person finds them when the first
// issue is to be labelled. Names are compared as GitHub does, without case, and a label that exists stays as it is.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { hasLabel, LABELS, labelName, type LabelKey } from "../../core/domain/stage.ts";
import type { GitHub, GitHubFailure } from "../github/port/github.ts";

/** Every label is tried, whatever becomes of another; the failure is the first one. */
export async function ensureLabels(
  github: Pick<GitHub, "labels" | "createLabel">,
  labelPrefix: string,
  signal: AbortSignal,
): Promise<Result<undefined, GitHubFailure>> {
  const present = await github.labels(signal);
  if (!present.ok) return present;
  let failure: GitHubFailure | null = null;
  for (const [key, { colour, description }] of Object.entries(LABELS)) {
    const name = labelName(labelPrefix, key as LabelKey);
    if (hasLabel(present.value, name)) continue;
    const created = await github.createLabel(name, colour, description, signal);
    if (!created.ok) failure ??= created.failure;
  }
  return failure === null ? ok() : fail(failure);
}
