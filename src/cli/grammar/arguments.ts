// Reads arguments before anything is sent. What a reader throws becomes yargs' usage error; readers of options that may
// be left out are called with undefined then.

import { isSlug, parseRepositoryName } from "../../core/domain/repository-name.ts";

const PORT_MAX = 65_535;

export function readSlug<T extends string | undefined>(text: T): T {
  if (text === undefined || isSlug(text)) return text;
  throw new Error(`'${text}' is no slug (owner-name, lower case); 'hydraflow list' shows them`);
}

export function readRepositoryName<T extends string | undefined>(text: T): T {
  const name = text === undefined ? undefined : parseRepositoryName(text);
  if (name === undefined || name.ok) return text;
  throw new Error(name.failure.message);
}

function readIssueNumber(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new Error(`'${text}' is no issue number`);
}

export function readPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= PORT_MAX) return Number(text);
  throw new Error(`'${text}' is no port`);
}

/** Reads a whole number from 1 to `max`. */
export function readCount(text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d*$/.test(text) && Number(text) <= max) return Number(text);
  throw new Error(`'${text}' is no whole number from 1 to ${max}`);
}

export const slugArgument = {
  describe: "repository, as 'hydraflow list' shows it",
  type: "string",
  demandOption: true,
  coerce: (text: string) => readSlug(text),
} as const;

export const slugOrAllArgument = {
  describe: "repository; all of them when left out",
  type: "string",
  coerce: (text: string | undefined) => readSlug(text),
} as const;

export const issueArgument = {
  describe: "issue number",
  type: "string",
  demandOption: true,
  coerce: readIssueNumber,
} as const;
