import { execFileSync } from "node:child_process";
import { mkdir, rename } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { parseRepositoryName } from "../../../src/core/domain/repository-name.ts";
import { CheckoutCheck } from "../../../src/worker/preconditions/checkout-check.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../../support/temporary-directory.ts";

const NEVER = new AbortController().signal;

function git(directory: string, ...words: string[]): void {
  execFileSync("git", words, { cwd: directory });
}

/** Makes a checkout of acme/web, with its origin. */
async function makeCheck(world: TemporaryDirectory, { isNamed = false } = {}) {
  const checkout = world.file("web");
  await mkdir(checkout);
  git(checkout, "init", "-q");
  git(checkout, "remote", "add", "origin", "git@github.com:Acme/Web.git");
  const repository = parseRepositoryName("acme/web");
  if (!repository.ok) throw new Error(repository.failure.message);
  const own = { repository: repository.value, slug: "acme-web", checkout, isNamed };
  return { checkout, check: new CheckoutCheck({ environment: process.env, ...own }) };
}

describe("A checkout", () => {
  it("that is there and of the repository is all right", async () => {
    await using world = await makeTemporaryDirectory();
    const { check } = await makeCheck(world);

    expect(await check.problem(NEVER)).toBeNull();
  });

  it("is missed while it is away, and when it is no checkout any more", async () => {
    await using world = await makeTemporaryDirectory();
    const { check, checkout } = await makeCheck(world);
    const hint = "put it back, or remove acme-web and add it where it is now";

    await rename(checkout, world.file("moved"));
    const away = await check.problem(NEVER);
    await mkdir(checkout);
    const empty = await check.problem(NEVER);
    await rename(world.file("moved"), checkout);

    expect(away).toBe(`the checkout ${checkout} is not there; ${hint}`);
    expect(empty).toBe(`${checkout} is no git checkout; ${hint}`);
    expect(await check.problem(NEVER)).toBeNull();
  });

  it("is not taken for the repository's while its origin names another one", async () => {
    await using world = await makeTemporaryDirectory();
    const { check, checkout } = await makeCheck(world);

    git(checkout, "remote", "set-url", "origin", "https://github.com/other/thing");
    const other = await check.problem(NEVER);
    git(checkout, "remote", "remove", "origin");
    const none = await check.problem(NEVER);
    git(checkout, "remote", "add", "origin", "https://github.com/acme/web");

    expect(other).toBe(
      `the origin of ${checkout} names other/thing, not acme/web; set it back, or remove acme-web and add it again`,
    );
    expect(none).toContain("names no repository, not acme/web");
    expect(await check.problem(NEVER)).toBeNull();
  });

  it("may have any origin where the operator named the repository", async () => {
    await using world = await makeTemporaryDirectory();
    const { check, checkout } = await makeCheck(world, { isNamed: true });

    git(checkout, "remote", "set-url", "origin", "/srv/git/thing");

    expect(await check.problem(NEVER)).toBeNull();
  });
});
