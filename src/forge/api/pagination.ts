// These lists are paged as GitHub pages them, by `page` and `per_page`, with the Link header of RFC 8288. No header is
// sent when one page holds all.

import { type ApiAnswer, answer } from "./api-answer.ts";
import type { ApiRequest } from "./api-router.ts";

const PER_PAGE_DEFAULT = 30;
const PER_PAGE_MAX = 100;

export interface Page<T> {
  readonly items: readonly T[];
  readonly headers: Readonly<Record<string, string>>;
}

export function pageOf<T>(request: ApiRequest, all: readonly T[]): Page<T> {
  const perPage = Math.min(readCount(request, "per_page", PER_PAGE_DEFAULT), PER_PAGE_MAX);
  const page = readCount(request, "page", 1);
  const last = Math.max(1, Math.ceil(all.length / perPage));
  const links = Object.entries({
    ...(page > 1 ? { prev: Math.min(page - 1, last) } : {}),
    ...(page < last ? { next: page + 1, last } : {}),
    ...(page > 1 ? { first: 1 } : {}),
  }).map(([relation, number]) => `<${pageUrl(request, number)}>; rel="${relation}"`);
  return {
    items: all.slice((page - 1) * perPage, page * perPage),
    headers: links.length === 0 ? {} : { link: links.join(", ") },
  };
}

export function listAnswer<T>(request: ApiRequest, all: readonly T[], view: (item: T) => unknown): ApiAnswer {
  const page = pageOf(request, all);
  return { ...answer(200, page.items.map(view)), headers: page.headers };
}

function pageUrl(request: ApiRequest, page: number): string {
  const query = new URLSearchParams(request.query);
  query.set("page", String(page));
  return `${request.url}?${query.toString()}`;
}

function readCount(request: ApiRequest, name: string, otherwise: number): number {
  const value = Number(request.query.get(name) ?? otherwise);
  return Number.isInteger(value) && value >= 1 ? value : otherwise;
}
