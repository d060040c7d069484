// These routes serve reviews of pull requests. They are submitted at once; pending ones are not offered.

import { z } from "../../core/base/schema.ts";
import { answer, invalid, notFound, refusal } from "../api/api-answer.ts";
import { type ApiRouter, readBody } from "../api/api-router.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { listAnswer } from "../api/pagination.ts";
import { addReview, dismissReview } from "../pulls/pull-writes.ts";
import { reviewView } from "../views/pull-view.ts";

const STATE_OF_EVENT = { APPROVE: "APPROVED", REQUEST_CHANGES: "CHANGES_REQUESTED", COMMENT: "COMMENTED" } as const;

const reviewSchema = z.object({
  event: z.enum(["APPROVE", "REQUEST_CHANGES", "COMMENT"]),
  body: z._default(z.string(), ""),
  commit_id: z.optional(z.string()),
});

const dismissalSchema = z.object({ message: z.string(), event: z.optional(z.literal("DISMISS")) });

export function reviewRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onPull("GET /pulls/:number{[0-9]+}/reviews", "read", ({ request, repository, issue }) =>
    listAnswer(request, issue.pull.reviews, (review) => reviewView(core.origin, repository.record, issue, review)),
  );

  router.onPull("GET /pulls/:number{[0-9]+}/reviews/:id", "read", ({ params, repository, issue }) => {
    const review = issue.pull.reviews.find((candidate) => candidate.id === Number(params["id"]));
    return review === undefined ? notFound() : answer(200, reviewView(core.origin, repository.record, issue, review));
  });

  router.onPull("PUT /pulls/:number{[0-9]+}/reviews/:id/dismissals", "write", (on) => {
    const { request, params, repository, issue } = on;
    const review = issue.pull.reviews.find((candidate) => candidate.id === Number(params["id"]));
    if (review === undefined) return notFound();
    const input = readBody(request, dismissalSchema, "PullRequestReview");
    if (!input.ok) return input.failure;
    if (review.state !== "APPROVED" && review.state !== "CHANGES_REQUESTED") {
      return refusal(422, "Validation Failed", ["Can not dismiss a commented pull request review"]);
    }
    dismissReview({ core, repository, cause: request.cause }, issue, review);
    return answer(200, reviewView(core.origin, repository.record, issue, review));
  });

  router.onPull("POST /pulls/:number{[0-9]+}/reviews", "read", ({ request, repository, issue }) => {
    const input = readBody(request, reviewSchema, "PullRequestReview");
    if (!input.ok) return input.failure;
    const { event, body, commit_id: commitSha } = input.value;
    if (event !== "APPROVE" && body === "") {
      return invalid({ resource: "PullRequestReview", field: "body", code: "missing_field" });
    }
    const order = { state: STATE_OF_EVENT[event], body, commitSha };
    const review = addReview({ core, repository, cause: request.cause }, issue, order);
    return review.ok ? answer(200, reviewView(core.origin, repository.record, issue, review.value)) : review.failure;
  });
}
