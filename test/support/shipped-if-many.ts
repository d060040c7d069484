// `npm run test:faults` starts some programs thousands of times, so it takes the bundle that ships, which starts in
// half the time. Everybody else takes the sources as they are.

import { fileURLToPath } from "node:url";

/** Gives the path of the entry. */
export function shippedIfMany(entry: "daemon" | "worker"): string {
  const path = process.env["FAULT_SCALE"] === undefined ? `../../src/${entry}/main.ts` : `../../dist/${entry}.js`;
  return fileURLToPath(new URL(path, import.meta.url));
}
