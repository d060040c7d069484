// Takes over the repositories that the first implementation registered. It knew them by path and by a name that was
// `owner/name` or just the directory's; our rules find the identity again.

import { basename, resolve } from "node:path";

import type { GitHost } from "../../core/checkout/git-question.ts";
import { parseRepositoryName } from "../../core/domain/repository-name.ts";
import { nameOfCheckout } from "./resolve-repository.ts";
import { inspectCheckout } from "./checkout.ts";
import { type Candidate, register, type RegisterOptions } from "./registration.ts";
import type { FirstEntry, RegistryDocument } from "./registry-document.ts";

export interface AdoptedEntries {
  readonly document: RegistryDocument;
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

/** Adopts all entries: those that had a port were running when last seen and run again, the others are
 * only registered. */
export async function adoptFirstEntries(
  document: RegistryDocument,
  entries: readonly FirstEntry[],
  options: Omit<RegisterOptions, "desired"> & GitHost,
  signal: AbortSignal,
): Promise<AdoptedEntries> {
  const refused: { path: string; reason: string }[] = [];
  let adopted = document;
  for (const entry of entries) {
    const candidate = await candidateOf(entry, options, signal);
    const desired = entry.port > 0 ? "running" : "stopped";
    const result = candidate.ok ? register(adopted, candidate.value, { ...options, desired }) : candidate;
    if (result.ok) adopted = result.value.document;
    else refused.push({ path: entry.path, reason: result.failure.message });
  }
  return { document: adopted, refused };
}

async function candidateOf(
  entry: FirstEntry,
  host: GitHost,
  signal: AbortSignal,
): Promise<{ ok: true; value: Candidate } | { ok: false; failure: { message: string } }> {
  const checkout = await inspectCheckout(entry.path, host, signal);
  // A disk that is not mounted today is no reason to forget a repository.
  const path = checkout.ok ? checkout.value.path : resolve(entry.path);
  const given = parseRepositoryName(entry.slug);
  if (given.ok) return { ok: true, value: { path, name: given.value, named: true } };
  const found = checkout.ok ? nameOfCheckout(checkout.value) : undefined;
  const name = found?.ok === true ? found : nameOfCheckout({ path: basename(path), originUrl: null });
  return name.ok ? { ok: true, value: { path, name: name.value, named: false } } : name;
}
