// Which repository a client means that names it by slug, by path, or by both.

import { realpath } from "node:fs/promises";
import { resolve } from "node:path";

import { expandHome } from "./checkout.ts";
import { findRecord } from "./registration.ts";
import type { RegistryDocument, RepoRecord } from "./registry-document.ts";

export interface Target {
  readonly slug?: string | undefined;
  readonly path?: string | undefined;
}

/** Undefined too where slug and path name two different ones. A path that is gone is still found by its text. */
export async function findTarget(document: RegistryDocument, { slug, path }: Target): Promise<RepoRecord | undefined> {
  const bySlug = slug === undefined ? undefined : findRecord(document, slug);
  if (path === undefined) return bySlug;
  const given = resolve(expandHome(path));
  const real = await realpath(given).catch(() => given);
  const byPath = document.repos.find((record) => record.path === real || record.path === given);
  return slug === undefined || bySlug === byPath ? byPath : undefined;
}
