import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { loadWorkerConfig } from "../../../src/worker/runtime/worker-config.ts";

describe("The settings of a repository", () => {
  let directory: string;
  let checkout: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "hydraflow-config-"));
    checkout = join(directory, "checkout");
    await mkdir(join(directory, "elsewhere"), { recursive: true });
    await mkdir(checkout);
    await writeFile(join(directory, "elsewhere", "config.json"), '{"gateCommand":"from elsewhere"}');
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  const load = () => loadWorkerConfig({ machine: null, checkout, environment: {}, commandLine: {} });

  it("are read from its own file", async () => {
    await mkdir(join(checkout, ".hydraflow"));
    await writeFile(join(checkout, ".hydraflow", "config.json"), '{"gateCommand":"make test"}');

    expect(await load()).toMatchObject({ ok: true, value: { gateCommand: "make test" } });
  });

  it("are never read through a link in place of the directory", async () => {
    await symlink("../elsewhere", join(checkout, ".hydraflow"));

    expect(await load()).toMatchObject({ ok: false, failure: expect.stringContaining("symbolic link") });
  });

  it("are never read through a link in place of the file", async () => {
    await mkdir(join(checkout, ".hydraflow"));
    await symlink("../../elsewhere/config.json", join(checkout, ".hydraflow", "config.json"));

    expect(await load()).toMatchObject({ ok: false, failure: expect.stringContaining("symbolic link") });
  });

  it("are never read from a submodule", async () => {
    await mkdir(join(checkout, ".hydraflow"));
    await writeFile(join(checkout, ".hydraflow", ".git"), "gitdir: ../.git/modules/.hydraflow\n");
    await writeFile(join(checkout, ".hydraflow", "config.json"), '{"gateCommand":"from a submodule"}');

    expect(await load()).toMatchObject({ ok: false, failure: expect.stringContaining("repository of its own") });
  });
});
