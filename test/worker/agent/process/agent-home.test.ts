import { existsSync, lstatSync, readdirSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, rm, rmdir, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  makeAgentHome,
  makePassingHome,
  putAwayAgentHome,
  removeAgentHome,
  sweepAgentHomes,
  sweepPassingHomes,
} from "../../../../src/worker/agent/process/agent-home.ts";

const NOBODY = 65_534;

let root: string;
let homes: string;
let home: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "hydraflow-home-"));
  homes = join(root, "x".repeat(150), "agents");
  home = join(homes, "issue-1234567");
});

afterEach(async () => {
  await sweepAgentHomes(homes, () => Promise.resolve(false));
  await rm(root, { recursive: true, force: true });
});

const modeOf = (path: string) => lstatSync(path).mode & 0o777;

describe("HOME of an agent", () => {
  it.each<[string, () => Promise<unknown>]>([
    ["a dangling link for its cache", () => symlink(join(root, "gone"), join(home, ".cache"))],
    ["a file for its configuration", () => writeFile(join(home, ".config"), "text")],
    ["a link to itself", () => symlink(".local", join(home, ".local"))],
    ["no right to enter it", () => chmod(home, 0o000)],
  ])("is made anew when an agent has left %s", async (_what, spoil) => {
    await mkdir(home, { recursive: true });
    await spoil();

    await makeAgentHome(home);

    expect(lstatSync(join(home, ".config")).isDirectory()).toBe(true);
    expect(lstatSync(join(home, ".cache")).isDirectory()).toBe(true);
    expect(lstatSync(join(home, ".local", "share")).isDirectory()).toBe(true);
  });

  it("is made anew when an agent has put a file in its place", async () => {
    await mkdir(homes, { recursive: true });
    await writeFile(home, "text");

    await makeAgentHome(home);

    expect(lstatSync(home).isDirectory()).toBe(true);
  });

  it("is not there for anybody where the place of all homes cannot be had", async () => {
    await mkdir(dirname(homes), { recursive: true });
    await writeFile(homes, "text");

    await expect(makeAgentHome(home)).rejects.toThrow("ENOTDIR");
  });
});

// Only root can make files of another user; `.ci/run` is root.
describe.skipIf(process.geteuid?.() !== 0)(
  "HOME and TMPDIR with files of another user, as containers leave them",
  () => {
    afterEach(() => process.seteuid?.(0));

    it("are out of the way for new ones, and the sweep says what is left", async () => {
      for (let path = homes; path !== tmpdir(); path = dirname(path)) {
        await mkdir(path, { recursive: true });
        await chown(path, NOBODY, NOBODY);
      }
      process.seteuid?.(NOBODY);
      const temporary = await makeAgentHome(home);
      process.seteuid?.(0);
      for (const directory of [home, temporary]) await mkdir(join(directory, "foreign", "file"), { recursive: true });
      process.seteuid?.(NOBODY);

      const ended = await putAwayAgentHome(home);
      const remade = await makeAgentHome(home);
      const left = [home, remade].map((directory) => existsSync(join(directory, "foreign")));
      const swept = await sweepAgentHomes(homes, () => Promise.resolve(false));
      process.seteuid?.(0);
      const again = await sweepAgentHomes(homes, () => Promise.resolve(false));
      await rm(dirname(temporary), { recursive: true });

      expect(ended).toEqual({ isAway: true, isRemoved: false });
      expect([remade, left]).toEqual([temporary, [false, false]]);
      expect(swept.left).toEqual([expect.stringMatching(/^\.gone-issue-/), expect.stringMatching(/^\.gone-issue-/)]);
      expect(again.left).toEqual([]);
    });
  },
);

describe("TMPDIR of an agent", () => {
  it("is short, private and the same for each turn, however long its home's path is", async () => {
    const temporary = await makeAgentHome(home);

    expect(temporary).toMatch(/^\/tmp\//);
    expect(temporary.length).toBeLessThanOrEqual(44);
    expect(modeOf(temporary)).toBe(0o700);
    expect(modeOf(dirname(temporary))).toBe(0o700);
    expect(await makeAgentHome(home)).toBe(temporary);
    expect(await makeAgentHome(join(homes, "issue-2"))).not.toBe(temporary);
    expect(await makeAgentHome(join(root, "agents", "issue-1234567"))).not.toBe(temporary);
    await removeAgentHome(join(root, "agents", "issue-1234567"));
  });

  it("is made again when somebody has deleted it, or the place that it was in", async () => {
    const temporary = await makeAgentHome(home);
    await rm(temporary, { recursive: true });
    expect(existsSync(await makeAgentHome(home))).toBe(true);

    await rm(dirname(temporary), { recursive: true });
    expect(await makeAgentHome(home)).toBe(temporary);
    expect(existsSync(temporary)).toBe(true);
  });

  it("is never a place that somebody else has prepared", async () => {
    const temporary = await makeAgentHome(home);
    const parent = dirname(temporary);
    const elsewhere = join(root, "elsewhere");
    await mkdir(join(elsewhere, "issue-1234567"), { recursive: true });
    await writeFile(join(elsewhere, "issue-1234567", "theirs.txt"), "text\n");
    await rm(parent, { recursive: true });
    await symlink(elsewhere, parent);

    const other = await makeAgentHome(home);
    await removeAgentHome(home);
    await unlink(parent);

    expect(other).toBe(join(`${parent}-1`, "issue-1234567"));
    expect(other.length).toBeLessThanOrEqual(44);
    expect(readdirSync(join(elsewhere, "issue-1234567"))).toEqual(["theirs.txt"]);
    expect(existsSync(other)).toBe(false);
  });

  it("is closed to others again where somebody has opened it, and no link that an agent has made", async () => {
    const temporary = await makeAgentHome(home);
    await chmod(dirname(temporary), 0o777);
    await rmdir(temporary);
    await symlink(root, temporary);

    expect(await makeAgentHome(home)).toBe(temporary);

    expect(modeOf(dirname(temporary))).toBe(0o700);
    expect(lstatSync(temporary).isDirectory()).toBe(true);
    expect(existsSync(root)).toBe(true);
  });

  it("goes with its home, also with what nobody may write in it", async () => {
    const temporary = await makeAgentHome(home);
    for (const directory of [home, temporary]) {
      await mkdir(join(directory, "cache", "module"), { recursive: true });
      await chmod(join(directory, "cache"), 0o555);
    }

    expect(await removeAgentHome(home)).toBe(true);

    expect(existsSync(home)).toBe(false);
    expect(existsSync(dirname(temporary))).toBe(false);
    expect(readdirSync(homes)).toEqual([]);
  });
});

describe("The sweep of homes", () => {
  it("takes away those that nobody needs, those that have lost their home, and halves of earlier removals", async () => {
    const kept = await makeAgentHome(join(homes, "issue-1"));
    const ended = await makeAgentHome(join(homes, "issue-2"));
    const orphan = await makeAgentHome(join(homes, "issue-3"));
    await rm(join(homes, "issue-3"), { recursive: true });
    await mkdir(join(homes, ".gone-issue-4-0a0a0a0a"));
    await mkdir(join(homes, "something-else"));

    const swept = await sweepAgentHomes(homes, (name) => Promise.resolve(name === "issue-1"));

    expect(swept.removed.toSorted()).toEqual(["issue-2", "issue-3"]);
    expect(swept.left).toEqual([]);
    expect([kept, ended, orphan].map((path) => existsSync(path))).toEqual([true, false, false]);
    expect(readdirSync(homes).toSorted()).toEqual(["issue-1", "something-else"]);
  });

  it("takes away passing homes of killed workers, and leaves one that is in use", async () => {
    await using inUse = await makePassingHome();
    const left = await mkdtemp(join("/tmp", "hydraflow-probe-"));
    const longAgo = new Date(Date.now() - 2 * 86_400_000);
    await utimes(left, longAgo, longAgo);

    await sweepPassingHomes(new Date());

    expect(existsSync(left)).toBe(false);
    expect(existsSync(inUse.path)).toBe(true);
  });
});
