import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { removeTree } from "../../../src/core/files/remove-tree.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../../support/temporary-directory.ts";

const PARTS = Array.from({ length: 15 }, () => "d".repeat(200));
const WHOLE = 5;

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await makeTemporaryDirectory();
});
afterEach(() => directory[Symbol.asyncDispose]());

it("removes a tree that is deeper than any path may be long, and nothing beside it", async () => {
  const tree = directory.file("tree");
  await mkdir(join(tree, ...PARTS), { recursive: true });
  await writeFile(directory.file("beside"), "");
  for (let part = 1; part < WHOLE; part += 1) {
    const above = directory.file(`part-${part}`);
    await mkdir(join(above, ...PARTS), { recursive: true });
    await rename(tree, join(above, ...PARTS, "part"));
    await rename(above, tree);
  }
  await expect(rm(tree, { recursive: true })).rejects.toThrow("ENAMETOOLONG");

  expect(await removeTree(tree)).toBe(true);

  expect(existsSync(tree)).toBe(false);
  expect(existsSync(directory.file("beside"))).toBe(true);
  expect(await removeTree(join(directory.path, "none"))).toBe(true);
});
