// The built program is as it ships. It is built once before the system tests.

import { fileURLToPath } from "node:url";

export const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
export const DEMO_AGENT = fileURLToPath(new URL("../../dist/demo-agent.js", import.meta.url));

export async function setup(): Promise<void> {
  const { buildIfStale } = (await import(new URL("../../scripts/build.mjs", import.meta.url).href)) as {
    buildIfStale: () => Promise<boolean>;
  };
  await buildIfStale();
}
