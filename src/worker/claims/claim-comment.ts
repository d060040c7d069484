// Writes and reads the status comment that carries a claim: a line for people, and a hidden marker for other workers. A
// released claim is written as one that expired in 1970, so that one rule covers both.

import { z } from "../../core/base/schema.ts";

import type { Stage } from "../../core/domain/stage.ts";
import type { Comment } from "../github/port/github.ts";

/** No claim counts longer than this after its last edit, whatever its author's clock believed. */
const LEASE_MS_MAX = 24 * 3_600_000;

export interface ClaimMark {
  readonly commentId: number;
  readonly author: string;
  readonly owner: string;
  readonly expiresAt: Date;
}

const markSchema = z.object({
  owner: z.string().check(z.minLength(1), z.maxLength(400)),
  expires: z.iso.datetime(),
  nonce: z.string(),
});
const MARKER_START = "<!-- hydraflow:claim ";
const MARKER_END = " -->";
const MARKER_UNITS_MAX = 1_000;

export function activeBody(claim: {
  owner: string;
  expiresAt: Date;
  nonce: string;
  stage: Stage;
  since: Date;
}): string {
  const since = claim.since.toISOString().slice(0, 16).replace("T", " ");
  const text = `**HydraFlow** is working on this issue. Stage: **${claim.stage}**, since ${since} UTC.`;
  return `${text}\n\n${marker(claim.owner, claim.expiresAt, claim.nonce)}`;
}

/** People read `text` from now on. */
export function releasedBody(owner: string, nonce: string, text: string): string {
  return `${text}\n\n${marker(owner, new Date(0), nonce)}`;
}

/** Returns null when the comment carries no claim. The caller judges whether its author may claim at all. */
export function parseClaim(comment: Comment): ClaimMark | null {
  const json = markerIn(comment.body);
  if (json === null) return null;
  const parsed = z.safeParse(markSchema, jsonOrNull(json));
  if (!parsed.success) return null;
  const latest = Date.parse(comment.updatedAt) + LEASE_MS_MAX;
  const expiresAt = new Date(Math.min(Date.parse(parsed.data.expires), latest));
  return { commentId: comment.id, author: comment.author, owner: parsed.data.owner, expiresAt };
}

function marker(owner: string, expiresAt: Date, nonce: string): string {
  const json = JSON.stringify({ owner, expires: expiresAt.toISOString(), nonce }).replaceAll(">", "\\u003e");
  return `${MARKER_START}${json}${MARKER_END}`;
}

/** Only the end of a comment counts, for a text may quote any marker it likes. */
function markerIn(body: string): string | null {
  const line = body.trimEnd().slice(-MARKER_UNITS_MAX).split("\n").at(-1) ?? "";
  const from = line.indexOf(MARKER_START);
  return from === -1 || !line.endsWith(MARKER_END) ? null : line.slice(from + MARKER_START.length, -MARKER_END.length);
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
