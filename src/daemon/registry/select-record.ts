// Finds the record of the repository that a client names by slug, by path, or by both.

import { realpath } from "node:fs/promises";
import { resolve } from "node:path";

import { expandHome } from "./checkout.ts";
import { findRecord } from "./registration.ts";
import type { RegistryDocument, RepoRecord } from "./registry-document.ts";

export interface RecordSelector {
  readonly slug?: string | undefined;
  readonly path?: string | undefined;
}

/** Resolves with undefined also where slug and path name two repositories. A path that is gone is found by its text. */
export async function selectRecord(
  document: RegistryDocument,
  { slug, path }: RecordSelector,
): Promise<RepoRecord | undefined> {
  const bySlug = slug === undefined ? undefined : findRecord(document, slug);
  if (path === undefined) return bySlug;
  const given = resolve(expandHome(path));
  const real = await realpath(given).catch(() => given);
  const byPath = document.repos.find((record) => record.path === real || record.path === given);
  return slug === undefined || bySlug === byPath ? byPath : undefined;
}
