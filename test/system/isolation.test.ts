// Issue 42 is worked on in three repositories at once, with HYDRAFLOW_HOME set in the operator's shell and one base for
// all worktrees. What each worker has open for writing is noted while it works, and what it left behind is read at the
// end.

import { readdir, readFile, readlink } from "node:fs/promises";
import { join, relative, sep } from "node:path";

import { expect, test } from "vitest";

import { type Forge, startForge } from "../../src/forge/forge.ts";
import { ExchangeRecorder, loadOpenapiCheck } from "../support/openapi-check.ts";
import { DaemonRig, until } from "../support/daemon-rig.ts";
import { git } from "../support/sample-checkout.ts";
import { makeTemporaryDirectory } from "../support/temporary-directory.ts";

const NAMES = ["web", "api", "tasks"];
const MANIFEST = '{"type":"module","scripts":{"test":"node --test"}}\n';

test("issue 42 of three repositories is worked on at once and nothing is written by two of them", async () => {
  await using world = await makeTemporaryDirectory();
  const traffic = new ExchangeRecorder(await loadOpenapiCheck());
  await using forge = await startForge({
    port: 0,
    dataDir: join(world.path, "forge"),
    ci: { command: "node --test" },
    observe: traffic.observe,
  });
  for (const name of NAMES) await makeRepositoryWithIssue42(forge, name);
  const worktreeBase = join(world.path, "worktrees");
  await using rig = await DaemonRig.start({
    config: {
      githubApiUrl: forge.url,
      agentDriver: "demo",
      worktreeBase,
      pollIntervalMs: 300,
      ciPollIntervalMs: 300,
      minPlanWords: 50,
      agentEnvironment: ["HYDRAFLOW_DEMO_PACE_MS"],
    },
    environment: {
      GITHUB_TOKEN: forge.token,
      HYDRAFLOW_HOME: join(world.path, "elsewhere"),
      HYDRAFLOW_DEMO_PACE_MS: "400",
    },
  });
  for (const name of NAMES) {
    await git(world.path, "clone", "-q", `${forge.url}/acme/${name}.git`, name);
    expect((await rig.http("POST", "/api/repos", { path: join(world.path, name) })).body["slug"]).toBe(`acme-${name}`);
  }
  const writers = new Map<string, Set<string>>();

  await until(async () => {
    await noteOpenFiles(rig, world.path, writers);
    return NAMES.every((name) => forge.issue(`acme/${name}`, 42).labels.includes("hydraflow-fixed"));
  }, "issue 42 is fixed in all three");

  for (const name of NAMES) {
    expect(forge.pulls(`acme/${name}`).map(({ headBranch, merged }) => ({ headBranch, merged }))).toEqual([
      { headBranch: "agent/issue-42", merged: true },
    ]);
    await git(world.path, "clone", "-q", `${forge.url}/acme/${name}.git`, `${name}-after`);
    expect(await readFile(join(world.path, `${name}-after`, "src", "answer.js"), "utf8")).toContain(`'${name}'`);
  }
  expect(writers.size).toBeGreaterThan(NAMES.length);
  expect([...writers].filter(([, slugs]) => slugs.size > 1)).toEqual([]);
  expect(await foreignMentions(rig.paths.home)).toEqual([]);
  await expect(readdir(join(world.path, "elsewhere"))).rejects.toThrow("ENOENT");
  expect(traffic.takeProblems()).toEqual([]);
});

async function makeRepositoryWithIssue42(forge: Forge, name: string): Promise<void> {
  const repo = `acme/${name}`;
  await forge.createRepository({ owner: "acme", name, files: { "package.json": MANIFEST, "README.md": `${name}\n` } });
  for (let number = 1; number < 42; number += 1)
    await forge.createIssue(repo, { title: `Older issue ${number}`, body: "" });
  const code = `\`\`\`js file=src/answer.js\nexport const answer = '${name}';\n\`\`\`\n`;
  const check = `\`\`\`js file=test/answer.test.js\nimport assert from 'node:assert/strict';\nimport { test } from 'node:test';\nimport { answer } from '../src/answer.js';\ntest('answers', () => assert.equal(answer, '${name}'));\n\`\`\`\n`;
  await forge.createIssue(repo, {
    title: `Let ${name} answer with its name`,
    body: `Every service must say who it is when it is asked.\n\n${code}\n${check}`,
    labels: ["hydraflow-find"],
  });
}

/**
 * Gives the files below `root` that each worker's process has open for writing right now. It knows Linux only, as the
 * test machines run it.
 */
async function noteOpenFiles(rig: DaemonRig, root: string, writers: Map<string, Set<string>>): Promise<void> {
  for (const { slug, pid } of await rig.repositories()) {
    if (pid === null) continue;
    for (const fd of await readdir(`/proc/${pid}/fdinfo`).catch(() => [])) {
      const path = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
      const flags =
        /^flags:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/fdinfo/${fd}`, "utf8").catch(() => ""))?.[1] ?? "0";
      const isWritable = (Number.parseInt(flags, 8) & 3) !== 0;
      if (isWritable && (path.startsWith(root) || path.startsWith(rig.directory)))
        writers.set(path, (writers.get(path) ?? new Set()).add(slug));
    }
  }
}

/** Gives the files in one worker's data root that speak of another repository. */
async function foreignMentions(home: string): Promise<string[]> {
  const slugs = NAMES.map((name) => `acme-${name}`);
  const found: string[] = [];
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const owner = relative(home, path).split(sep)[0] ?? "";
    if (!entry.isFile() || !slugs.includes(owner)) continue;
    const text = await readFile(path, "utf8").catch(() => "");
    for (const slug of slugs) if (slug !== owner && text.includes(slug)) found.push(`${path} speaks of ${slug}`);
  }
  return found;
}
