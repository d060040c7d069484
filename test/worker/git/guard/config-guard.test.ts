import { existsSync, readFileSync } from "node:fs";
import { appendFile, chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ConfigGuard } from "../../../../src/worker/git/guard/config-guard.ts";
import type { Worktree } from "../../../../src/worker/git/worktrees/worktree-manager.ts";
import { failureOf, GitFixture, type RepositoryFixture, sh, valueOf } from "../git-fixture.ts";

const signal = new AbortController().signal;

describe("ConfigGuard", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let worktree: Worktree;
  let guard: ConfigGuard;
  let config: string;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
    worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    ({ guard } = await openGuard());
    config = join(web.commonDirectory, "config");
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  function openGuard(): Promise<{ guard: ConfigGuard; changed: readonly string[] }> {
    return ConfigGuard.open({
      commonDirectory: web.commonDirectory,
      file: join(fixture.directory, "data", "config-guard.json"),
    });
  }

  /** This program says that it ran. */
  async function trap(): Promise<string> {
    const path = join(fixture.directory, "trap.sh");
    await writeFile(path, `#!/bin/sh\necho ran >> ${fixture.directory}/trapped\ncat\n`);
    await chmod(path, 0o755);
    return path;
  }

  function replaceReadme(): void {
    const other = sh(worktree.path, "hash-object", "-w", join(worktree.gitDirectory, "HEAD"));
    sh(worktree.path, "replace", "HEAD:README.md", other);
  }

  const plants: [string, (program: string) => unknown][] = [
    ["core.fsmonitor", (program) => sh(worktree.path, "config", "core.fsmonitor", program)],
    [
      "a clean filter",
      async (program) => {
        sh(worktree.path, "config", "filter.evil.clean", program);
        await writeFile(join(worktree.path, ".gitattributes"), "* filter=evil\n");
      },
    ],
    ["a merge driver", (program) => sh(worktree.path, "config", "merge.evil.driver", program)],
    ["a push URL", () => sh(worktree.path, "config", "remote.origin.pushurl", "https://thief.invalid/x.git")],
    ["a rewritten URL", () => sh(worktree.path, "config", "url.ext::sh.insteadOf", "https://github.com/")],
    ["an include", () => sh(worktree.path, "config", "include.path", "/dev/null")],
    [
      "attributes",
      () =>
        mkdir(join(web.commonDirectory, "info"), { recursive: true }).then(() =>
          writeFile(join(web.commonDirectory, "info", "attributes"), "* filter=evil\n"),
        ),
    ],
    ["a config.worktree", () => writeFile(join(worktree.gitDirectory, "config.worktree"), "[core]\n\tfsmonitor = x\n")],
    ["another .git file", () => writeFile(join(worktree.path, ".git"), "gitdir: /tmp/evil\n")],
    ["another common directory", () => writeFile(join(worktree.gitDirectory, "commondir"), "/tmp/evil\n")],
    ["alternates", () => writeFile(join(web.commonDirectory, "objects", "info", "alternates"), "/tmp/evil\n")],
    [
      "alternates for another transport",
      () => writeFile(join(web.commonDirectory, "objects", "info", "http-alternates"), "http://thief.invalid/\n"),
    ],
    ["a replace ref", () => replaceReadme()],
    [
      "a replace ref in packed-refs",
      () => {
        replaceReadme();
        sh(worktree.path, "pack-refs", "--all");
      },
    ],
    [
      "a graft",
      () =>
        mkdir(join(web.commonDirectory, "info"), { recursive: true }).then(() =>
          writeFile(join(web.commonDirectory, "info", "grafts"), `${worktree.head}\n`),
        ),
    ],
    [
      "a link in place of the configuration",
      async () => {
        await rm(config);
        await symlink("/dev/null", config);
      },
    ],
    [
      "a directory in place of the configuration",
      async () => {
        await rm(config);
        await mkdir(config);
      },
    ],
  ];

  it.each(plants)("finds %s, puts it back, and none of it runs", async (_name, plant) => {
    const before = readFileSync(config, "utf8");
    const pointer = readFileSync(join(worktree.path, ".git"), "utf8");
    valueOf(await guard.fingerprint(worktree, signal));
    await writeFile(join(worktree.path, "work.txt"), "work\n");
    await plant(await trap());

    const failure = failureOf(await guard.verify(worktree, signal));
    const branch = web.branch(worktree);
    valueOf(await branch.commitAll("Work", signal));
    valueOf(await branch.pushBranch(null, signal));

    expect(failure.kind).toBe("config-changed");
    expect(readFileSync(config, "utf8")).toBe(before);
    expect(readFileSync(join(worktree.path, ".git"), "utf8")).toBe(pointer);
    expect(existsSync(join(fixture.directory, "trapped"))).toBe(false);
    expect(sh(worktree.path, "replace", "--list")).toBe("");
    expect(sh(worktree.path, "rev-parse", "main")).toBe(worktree.baseSha);
  });

  it("runs the planted filter when nobody looks, so the tests above prove something", async () => {
    sh(worktree.path, "config", "filter.evil.clean", await trap());
    await writeFile(join(worktree.path, ".gitattributes"), "* filter=evil\n");

    valueOf(await web.branch(worktree).commitAll("Work", signal));

    expect(existsSync(join(fixture.directory, "trapped"))).toBe(true);
  });

  it("names what changed", async () => {
    valueOf(await guard.fingerprint(worktree, signal));
    await appendFile(config, "[alias]\n\tst = !sh\n");

    expect(failureOf(await guard.verify(worktree, signal)).message).toContain(config);
  });

  it("takes ordinary commands of an agent as harmless", async () => {
    valueOf(await guard.fingerprint(worktree, signal));
    await writeFile(join(worktree.path, "work.txt"), "work\n");
    sh(worktree.path, "add", ".");
    sh(worktree.path, "commit", "-q", "-m", "Work");
    sh(worktree.path, "branch", "--track", "helper", "origin/main");
    sh(worktree.path, "stash", "list");
    const after = readFileSync(config, "utf8");

    expect(valueOf(await guard.verify(worktree, signal)).restored).toEqual([]);
    expect(after).toContain('[branch "helper"]');
    expect(readFileSync(config, "utf8")).toBe(after);
  });

  it("puts hooks and core.hooksPath back without failing, since our git runs no hook", async () => {
    const before = readFileSync(config, "utf8");
    const hook = join(web.commonDirectory, "hooks", "pre-commit");
    valueOf(await guard.fingerprint(worktree, signal));
    sh(worktree.path, "config", "core.hooksPath", ".husky/_");
    await writeFile(hook, `#!/bin/sh\necho ran >> ${fixture.directory}/trapped\n`, { mode: 0o755 });
    await writeFile(join(worktree.path, "work.txt"), "work\n");

    const { restored } = valueOf(await guard.verify(worktree, signal));
    valueOf(await web.branch(worktree).commitAll("Work", signal));

    expect(restored).toEqual([config, hook]);
    expect(readFileSync(config, "utf8")).toBe(before);
    expect(existsSync(hook)).toBe(false);
    expect(existsSync(join(fixture.directory, "trapped"))).toBe(false);
  });

  it("puts back what ordinary tools write and our git does not read, without failing", async () => {
    const exclude = join(web.commonDirectory, "info", "exclude");
    await mkdir(join(web.commonDirectory, "info"), { recursive: true });
    await writeFile(exclude, "# mine\n");
    const shallow = join(web.commonDirectory, "shallow");
    valueOf(await guard.fingerprint(worktree, signal));
    await appendFile(exclude, "work.txt\n");
    await writeFile(shallow, `${worktree.head}\n`);
    await mkdir(join(web.commonDirectory, "remotes"));
    await writeFile(join(web.commonDirectory, "remotes", "origin"), "URL: ext::sh\n");
    sh(worktree.path, "tag", "v1");
    sh(worktree.path, "gc", "-q");

    const { restored } = valueOf(await guard.verify(worktree, signal));

    expect(restored).toEqual([exclude, join(web.commonDirectory, "remotes", "origin"), shallow]);
    expect(await readFile(exclude, "utf8")).toBe("# mine\n");
    expect(existsSync(shallow)).toBe(false);
  });

  it("watches the configuration of submodules that were there before, and lets new ones be set up", async () => {
    const modules = join(web.commonDirectory, "modules");
    sh(fixture.directory, "init", "-q", "--bare", join(modules, "deep/lib"));
    valueOf(await guard.fingerprint(worktree, signal));
    sh(fixture.directory, "init", "-q", "--bare", join(modules, "new"));
    expect(valueOf(await guard.verify(worktree, signal)).restored).toEqual([]);

    valueOf(await guard.fingerprint(worktree, signal));
    await appendFile(join(modules, "deep/lib/config"), "[core]\n\tfsmonitor = x\n");
    expect(failureOf(await guard.verify(worktree, signal)).message).toContain(join(modules, "deep/lib/config"));
  });

  it("takes a link away that stands where a directory was, and deletes nothing behind it", async () => {
    const outside = join(fixture.directory, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "attributes"), "keep\n");
    const info = join(web.commonDirectory, "info");
    await rm(info, { recursive: true, force: true });
    await mkdir(info);
    valueOf(await guard.fingerprint(worktree, signal));
    await rm(info, { recursive: true });
    await symlink(outside, info);

    expect(failureOf(await guard.verify(worktree, signal)).message).toContain(info);
    expect(await readFile(join(outside, "attributes"), "utf8")).toBe("keep\n");
    expect(existsSync(join(info, "attributes"))).toBe(false);
  });

  it("removes a link that took the place of the hooks, and nothing behind it", async () => {
    const outside = join(fixture.directory, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "precious"), "keep\n");
    const hook = join(web.commonDirectory, "hooks", "pre-push");
    await writeFile(hook, "#!/bin/sh\n", { mode: 0o755 });
    valueOf(await guard.fingerprint(worktree, signal));
    await rm(join(web.commonDirectory, "hooks"), { recursive: true });
    await symlink(outside, join(web.commonDirectory, "hooks"));

    valueOf(await guard.verify(worktree, signal));

    expect(await readFile(join(outside, "precious"), "utf8")).toBe("keep\n");
    expect(existsSync(join(outside, "pre-push"))).toBe(false);
    expect(await readFile(hook, "utf8")).toBe("#!/bin/sh\n");
  });

  it("watches files that the configuration includes, and never deletes one that was planted", async () => {
    const included = join(fixture.directory, "included");
    const stranger = join(fixture.directory, "stranger");
    await writeFile(included, "[core]\n\tabbrev = 12\n");
    await writeFile(stranger, "keep\n");
    sh(web.checkout, "config", "include.path", included);
    valueOf(await guard.fingerprint(worktree, signal));
    await appendFile(included, '[filter "evil"]\n\tclean = x\n');
    sh(worktree.path, "config", "--add", "include.path", stranger);

    expect(failureOf(await guard.verify(worktree, signal)).message).toContain(included);
    expect(await readFile(included, "utf8")).toBe("[core]\n\tabbrev = 12\n");
    expect(await readFile(stranger, "utf8")).toBe("keep\n");
  });

  it("puts back at its next start what a killed worker's agent changed", async () => {
    const before = readFileSync(config, "utf8");
    valueOf(await guard.fingerprint(worktree, signal));
    sh(worktree.path, "config", "core.fsmonitor", await trap());

    const next = await openGuard();

    expect(next.changed).toEqual([config]);
    expect(readFileSync(config, "utf8")).toBe(before);
    expect((await openGuard()).changed).toEqual([]);
  });

  it("does not take another running turn's change for the state before", async () => {
    const before = readFileSync(config, "utf8");
    const second = valueOf(await web.worktrees.ensure(8, "main", signal));
    valueOf(await guard.fingerprint(worktree, signal));
    sh(worktree.path, "config", "core.fsmonitor", await trap());

    expect(failureOf(await guard.fingerprint(second, signal)).kind).toBe("config-changed");
    valueOf(await guard.fingerprint(second, signal));
    valueOf(await guard.verify(worktree, signal));
    valueOf(await guard.verify(second, signal));
    expect(readFileSync(config, "utf8")).toBe(before);
  });

  it("fails when no fingerprint was taken", async () => {
    expect(failureOf(await guard.verify(worktree, signal)).message).toContain("no fingerprint");
  });
});
