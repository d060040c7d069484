import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { loadWorkerConfig } from "../../../src/worker/runtime/worker-config.ts";

describe("A repository's own settings", () => {
  let directory: string;
  let checkout: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "hydraflow-config-"));
    checkout = join(directory, "checkout");
    await mkdir(join(directory, "elsewhere"));
    await mkdir(checkout);
    await writeFile(join(directory, "elsewhere", "config.json"), JSON.stringify({ gateCommand: "true" }));
  });

  afterEach(() => rm(directory, { recursive: true }));

  const load = () => loadWorkerConfig({ machine: null, checkout, environment: {}, commandLine: {} });

  it("are read from its file", async () => {
    await mkdir(join(checkout, ".hydraflow"));
    await writeFile(join(checkout, ".hydraflow", "config.json"), JSON.stringify({ gateCommand: "make check" }));

    expect(await load()).toMatchObject({ ok: true, value: { gateCommand: "make check" } });
  });

  it("are never read through a link or a submodule", async () => {
    await symlink("../elsewhere", join(checkout, ".hydraflow"));
    expect(await load()).toMatchObject({ ok: false, failure: expect.stringContaining("is a symbolic link") });

    await rm(join(checkout, ".hydraflow"));
    await mkdir(join(checkout, ".hydraflow"));
    await symlink("../../elsewhere/config.json", join(checkout, ".hydraflow", "config.json"));
    expect(await load()).toMatchObject({ ok: false, failure: expect.stringContaining("is a symbolic link") });

    await rm(join(checkout, ".hydraflow", "config.json"));
    await writeFile(join(checkout, ".hydraflow", ".git"), "gitdir: ../.git/modules/x\n");
    expect(await load()).toMatchObject({ ok: false, failure: expect.stringContaining("is a submodule") });
  });
});
