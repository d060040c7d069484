import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { DaemonRig } from "../support/daemon-rig.ts";

test("netcat gets its ping answered as the protocol page shows", async () => {
  await using rig = await DaemonRig.start();

  const { stdout } = await promisify(execFile)("sh", [
    "-c",
    `printf '{"action":"ping"}\\n' | nc 127.0.0.1 ${await rig.port("port")}`,
  ]);

  expect(JSON.parse(stdout)).toEqual({
    status: "ok",
    version: expect.any(String),
    boot_id: expect.any(String),
    uptime_s: expect.any(Number),
  });
});
