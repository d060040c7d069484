// Declares a decision about an issue as it is kept until it is carried out: an outcome that has effects outside. Keys
// that this version does not know are left out when it is read, because refusing them would cost the whole file.

import { z } from "../../core/base/schema.ts";
import { STAGE_LABELS, type StageLabel } from "../../core/domain/stage.ts";
import {
  FACTS,
  HITL_CAUSES,
  type HitlCause,
  type IssueFacts,
  type IssueOutcome,
  orElse,
  OUTCOMES,
} from "./issue-facts.ts";

export type StateChange = Partial<IssueFacts>;

/** `key` names it within the run: `plan`, `review`. */
export interface OutcomeComment {
  readonly key: string;
  readonly body: string;
}

export type Decision =
  | {
      readonly kind: "advance";
      readonly to: StageLabel;
      /** The history gets this one line. */
      readonly note: string;
      readonly comment?: OutcomeComment;
      readonly change?: StateChange;
    }
  | {
      readonly kind: "hand-off";
      readonly question: string;
      readonly cause: HitlCause;
      /** A change of these signs on GitHub ends the wait as an answer does. */
      readonly awaits?: string | null;
      /** It is true when any answer sends the issue on as it is. */
      readonly resumes?: boolean;
      /** The question is asked because the issue's text made the worker stand still. */
      readonly isSuspicion?: true | undefined;
      readonly change?: StateChange;
    }
  | {
      readonly kind: "close";
      readonly result: IssueOutcome["kind"];
      readonly reason: string;
      readonly comment?: OutcomeComment;
      readonly change?: StateChange;
    };

const comment = z.optional(z.object({ key: z.string(), body: z.string() }));
// A person's word that an earlier version wrote down in another form is asked for again.
const change = z.optional(z.partial(z.object({ ...FACTS, approved: orElse(FACTS.approved, null) })));

export const decision = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("advance"),
    to: z.enum(STAGE_LABELS as [StageLabel, ...StageLabel[]]),
    note: z.string(),
    comment,
    change,
  }),
  z.object({
    kind: z.literal("hand-off"),
    question: z.string(),
    cause: z.enum(HITL_CAUSES),
    awaits: z.optional(z.nullable(z.string())),
    resumes: z.optional(z.boolean()),
    isSuspicion: z.optional(z.literal(true)),
    change,
  }),
  z.object({ kind: z.literal("close"), result: z.enum(OUTCOMES), reason: z.string(), comment, change }),
]);
