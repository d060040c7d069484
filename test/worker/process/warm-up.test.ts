import { readdirSync } from "node:fs";
import { expect, it } from "vitest";

import { warmUp } from "../../../src/worker/process/warm-up.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

it("leaves no file and no server behind, with settings that are wrong too", async () => {
  await using directory = await makeTemporaryDirectory();
  const home = process.cwd();
  const servers = (): number => process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length;
  const before = servers();
  process.chdir(directory.path);
  try {
    await warmUp({ HYDRAFLOW_MAX_WORKERS: "none" });
  } finally {
    process.chdir(home);
  }

  expect(readdirSync(directory.path)).toEqual([]);
  expect(servers()).toBe(before);
});
