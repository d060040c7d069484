import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";

import { expect, it } from "vitest";

import { findCaseTwins } from "../../../../src/worker/git/changes/case-twins.ts";
import { isCaseBlind } from "../../../../src/worker/git/command/file-system.ts";
import { commitToRemote, GitFixture, sh, valueOf } from "../git-fixture.ts";

const NEVER = new AbortController().signal;

it.each([
  ["readme.md", ["README.md", "readme.md"]],
  ["other.md", null],
])("finds what %s is a twin of", async (file, twins) => {
  await using fixture = await GitFixture.create();
  const web = await fixture.repository();
  const commit = await commitToRemote(web, fixture.directory, "main", { [file]: "text\n" });
  sh(web.checkout, "fetch", "-q", web.bare, "main");

  expect(valueOf(await findCaseTwins(web.remote.views, commit, NEVER))).toEqual(twins);
});

it("sees a file system that does not tell cases apart by a directory that has two names", async () => {
  await using fixture = await GitFixture.create();
  const directory = join(fixture.directory, "web");
  await mkdir(directory);

  const before = await isCaseBlind(directory);
  await symlink(directory, join(fixture.directory, "WEB"));

  expect(before).toBe(false);
  expect(await isCaseBlind(directory)).toBe(true);
});
