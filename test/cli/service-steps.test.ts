// The steps of an installation run as root, in a directory that belongs to the service's user.

import { lstat, stat, symlink, writeFile } from "node:fs/promises";

import { expect, it } from "vitest";

import { runStep } from "../../src/cli/service/service-steps.ts";
import { makeTemporaryDirectory } from "../support/temporary-directory.ts";

it.runIf(process.getuid?.() === 0)(
  "hands over a link in the place of the token, and never what it points to",
  async () => {
    await using directory = await makeTemporaryDirectory();
    const [token, target] = [directory.file("token"), directory.file("target")];
    await writeFile(target, "of root\n", { mode: 0o600 });
    await symlink(target, token);

    await runStep({ kind: "token", path: token, owner: "nobody" });

    expect((await stat(target)).uid).toBe(0);
    expect((await lstat(token)).uid).not.toBe(0);
  },
);
