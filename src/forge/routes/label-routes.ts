// These routes serve labels of a repository, and on issues and pull requests.

import { z } from "../../core/base/schema.ts";
import { type ApiAnswer, answer, notFound, refusal } from "../api/api-answer.ts";
import { type ApiRouter, type OnIssue, readBody } from "../api/api-router.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import {
  addLabels,
  createLabel,
  deleteLabel,
  editLabel,
  findLabel,
  removeLabels,
  setLabels,
} from "../issues/label-writes.ts";
import { listAnswer } from "../api/pagination.ts";
import { labelsOf, labelView, labelViews } from "../views/issue-view.ts";

const name = z.string().check(z.minLength(1), z.maxLength(50));
const color = z.string().check(z.regex(/^#?[0-9a-fA-F]{6}$/));
const description = z.string().check(z.maxLength(100));

const newLabelSchema = z.object({ name, color: z.optional(color), description: z.optional(description) });
const labelEditSchema = z.object({
  new_name: z.optional(name),
  color: z.optional(color),
  description: z.optional(description),
});

const nameOrObject = z.union([
  name,
  z.pipe(
    z.object({ name }),
    z.transform((label) => label.name),
  ),
]);
/** GitHub takes the list without an object around it, too. */
const labelListSchema = z.union([
  z.pipe(
    z.object({ labels: z.array(nameOrObject) }),
    z.transform((body) => body.labels),
  ),
  z.array(nameOrObject),
]);

export function labelRoutes(router: ApiRouter, core: ForgeCore): void {
  definitionRoutes(router, core);
  issueLabelRoutes(router, core);
}

function definitionRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET /labels", "read", ({ request, repository }) =>
    listAnswer(request, repository.record.labels, (label) => labelView(core.origin, repository.record, label)),
  );

  router.onRepository("POST /labels", "write", ({ request, repository }) => {
    const input = readBody(request, newLabelSchema, "Label");
    if (!input.ok) return input.failure;
    const label = createLabel({ core, repository, cause: request.cause }, input.value);
    return label.ok ? answer(201, labelView(core.origin, repository.record, label.value)) : label.failure;
  });

  router.onRepository("GET /labels/:name", "read", ({ params, repository }) => {
    const label = findLabel(repository, params["name"] ?? "");
    return label === undefined ? notFound() : answer(200, labelView(core.origin, repository.record, label));
  });

  router.onRepository("PATCH /labels/:name", "write", ({ request, params, repository }) => {
    const label = findLabel(repository, params["name"] ?? "");
    if (label === undefined) return notFound();
    const input = readBody(request, labelEditSchema, "Label");
    if (!input.ok) return input.failure;
    const { new_name: newName, ...edit } = input.value;
    const edited = editLabel({ core, repository, cause: request.cause }, label, { ...edit, name: newName });
    return edited.ok ? answer(200, labelView(core.origin, repository.record, edited.value)) : edited.failure;
  });

  router.onRepository("DELETE /labels/:name", "write", ({ request, params, repository }) => {
    const label = findLabel(repository, params["name"] ?? "");
    if (label === undefined) return notFound();
    deleteLabel({ core, repository, cause: request.cause }, label);
    return answer(204);
  });
}

function issueLabelRoutes(router: ApiRouter, core: ForgeCore): void {
  const labelsNow = ({ repository, issue }: OnIssue): ApiAnswer =>
    answer(200, labelViews(core.origin, repository.record, issue));
  const path = "/issues/:number{[0-9]+}/labels";

  router.onIssue(`GET ${path}`, "read", ({ request, repository, issue }) =>
    listAnswer(request, labelsOf(repository.record, issue), (label) =>
      labelView(core.origin, repository.record, label),
    ),
  );

  router.onIssue(`POST ${path}`, "triage", (on) => {
    const input = readBody(on.request, labelListSchema, "Label");
    if (!input.ok) return input.failure;
    addLabels({ core, repository: on.repository, cause: on.request.cause }, on.issue, input.value);
    return labelsNow(on);
  });

  router.onIssue(`PUT ${path}`, "triage", (on) => {
    const input = readBody(on.request, labelListSchema, "Label");
    if (!input.ok) return input.failure;
    setLabels({ core, repository: on.repository, cause: on.request.cause }, on.issue, input.value);
    return labelsNow(on);
  });

  router.onIssue(`DELETE ${path}/:name`, "triage", (on) => {
    const label = labelsOf(on.repository.record, on.issue).find(
      (candidate) => candidate === findLabel(on.repository, on.params["name"] ?? ""),
    );
    if (label === undefined) return refusal(404, "Label does not exist");
    removeLabels({ core, repository: on.repository, cause: on.request.cause }, on.issue, [label]);
    return labelsNow(on);
  });
}
