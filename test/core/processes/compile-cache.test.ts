import { chmod, mkdir, stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { compileCacheDirectory } from "../../../src/core/processes/compile-cache.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const UID = process.geteuid?.();

describe("the directory of compiled code", () => {
  it("lies in the user's cache directory, and is made for this user alone", async () => {
    await using home = await makeTemporaryDirectory();

    const directory = compileCacheDirectory({ HOME: home.path }, UID);

    expect(directory).toBe(home.file(".cache", "hydraflow"));
    expect((await stat(home.file(".cache", "hydraflow"))).mode & 0o777).toBe(0o700);
    expect(compileCacheDirectory({ HOME: home.path }, UID)).toBe(directory);
    expect(compileCacheDirectory({ HOME: "/nonexistent", XDG_CACHE_HOME: home.path }, UID)).toBe(
      home.file("hydraflow"),
    );
  });

  it("is none where the home is not there, or Node is told another or none", async () => {
    await using home = await makeTemporaryDirectory();

    expect(compileCacheDirectory({}, UID)).toBeUndefined();
    expect(compileCacheDirectory({ HOME: home.file("missing") }, UID)).toBeUndefined();
    expect(compileCacheDirectory({ HOME: home.path, NODE_COMPILE_CACHE: "/x" }, UID)).toBeUndefined();
    expect(compileCacheDirectory({ HOME: home.path, NODE_DISABLE_COMPILE_CACHE: "1" }, UID)).toBeUndefined();
  });

  it.for([[], [".cache"], [".cache", "hydraflow"]])("is none where others may write into home/%s", async (names) => {
    await using home = await makeTemporaryDirectory();
    await mkdir(home.file(".cache", "hydraflow"), { recursive: true });
    await chmod(home.file(...names), 0o777);

    expect(compileCacheDirectory({ HOME: home.path }, UID)).toBeUndefined();
  });

  it("is none in the home of another user", async () => {
    await using home = await makeTemporaryDirectory();

    expect(compileCacheDirectory({ HOME: home.path }, (UID ?? 0) + 1)).toBeUndefined();
  });
});
