import { mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type Clock, systemClock } from "../../../src/core/base/clock.ts";
import type { Log } from "../../../src/core/logs/log.ts";
import { type SupervisorPaths, supervisorPaths } from "../../../src/core/files/paths.ts";
import { ok } from "../../../src/core/base/result.ts";
import { adoptFirstEntries } from "../../../src/daemon/registry/first-implementation.ts";
import {
  decodeDocument,
  EMPTY_DOCUMENT,
  encodeDocument,
  type RepoRecord,
} from "../../../src/daemon/registry/registry-document.ts";
import { RegistryFile } from "../../../src/daemon/registry/registry-file.ts";
import { Registry } from "../../../src/daemon/registry/registry.ts";
import { NEVER, Rig } from "../daemon-rig.ts";

const SILENT: Log = { write: () => undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
/** Runs four times as fast, so that what takes seconds can be tested. */
const FAST: Clock = {
  now: () => new Date(),
  monotonicMs: () => 4 * performance.now(),
  sleep: (ms, signal) => systemClock.sleep(ms / 4, signal),
};
let rig: Rig;
let paths: SupervisorPaths;

beforeEach(async () => {
  rig = await Rig.make();
  paths = supervisorPaths(rig.home);
  await mkdir(rig.home);
});
afterEach(() => rig[Symbol.asyncDispose]());

function record(slug: string): RepoRecord {
  return {
    ...{ path: `/checkouts/${slug}`, slug, port: 0, dashboard_url: "", log_file: "", repo: `acme/${slug}` },
    ...{ repo_slug: false, desired: "running", quarantine: null, added_at: "2026-01-02T03:04:05.000Z" },
  };
}

async function open(clock = systemClock) {
  const file = new RegistryFile(paths, clock);
  const loaded = await file.load();
  return { ...loaded, registry: new Registry({ file, document: loaded.document, clock, log: SILENT }) };
}

function add(registry: Registry, slug: string) {
  return registry.change((document) =>
    ok({ document: { ...document, repos: [...document.repos, record(slug)] }, value: slug }),
  );
}

async function slugsOnDisk(path = paths.state): Promise<string[]> {
  const decoded = decodeDocument(await readFile(path, "utf8"));
  if (!decoded.ok) throw new Error(decoded.failure.kind);
  return decoded.value.repos.map(({ slug }) => slug);
}

async function evidence(label: string): Promise<string[]> {
  const pattern = new RegExp(`^supervisor-state\\.json\\.${label}-\\d`);
  return (await readdir(rig.home)).filter((name) => pattern.test(name));
}

describe("a change", () => {
  it("is on disk when it is acknowledged, with the content before it beside it", async () => {
    const { registry } = await open();

    await add(registry, "one");
    await add(registry, "two");

    expect(await slugsOnDisk()).toEqual(["one", "two"]);
    expect(await slugsOnDisk(paths.statePrevious)).toEqual(["one"]);
    expect((await stat(paths.state)).mode & 0o777).toBe(0o600);
    expect(registry.document.revision).toBe(2);
  });

  it("shares its write cycle with all that come together", async () => {
    const { registry } = await open();

    const slugs = Array.from({ length: 50 }, (_, index) => `repo-${index}`);
    await Promise.all(slugs.map((slug) => add(registry, slug)));

    expect(await slugsOnDisk()).toEqual(slugs);
    expect(registry.cycles).toBeLessThanOrEqual(3);
  });

  it("that changes nothing writes nothing", async () => {
    const { registry } = await open();

    await registry.change((document) => ok({ document, value: undefined }));

    expect(registry.cycles).toBe(0);
    expect(await readdir(rig.home)).toEqual([]);
  });

  it("that cannot be written is refused and changes nothing in memory", async () => {
    const { registry } = await open();
    await add(registry, "one");
    await rm(paths.statePrevious, { force: true });
    await mkdir(join(paths.statePrevious, "in-the-way"), { recursive: true });

    const refused = await add(registry, "two");

    expect(refused).toMatchObject({ ok: false, failure: { code: "storage_failed" } });
    expect(registry.document.repos.map(({ slug }) => slug)).toEqual(["one"]);
    expect(await slugsOnDisk()).toEqual(["one"]);
    expect(registry.problem).not.toBeNull();

    await rm(paths.statePrevious, { recursive: true });
    expect((await add(registry, "two")).ok).toBe(true);
    expect(registry.problem).toBeNull();
  });

  it("never overwrites what another program wrote", async () => {
    const { registry } = await open();
    await add(registry, "one");
    await writeFile(paths.state, encodeDocument({ ...EMPTY_DOCUMENT, revision: 9, repos: [record("foreign")] }));

    const refused = await add(registry, "two");

    expect(refused).toMatchObject({ ok: false, failure: { code: "storage_failed" } });
    expect(await slugsOnDisk()).toEqual(["foreign"]);
  });

  it("waits for another program that holds the lock and is alive", async () => {
    const { registry } = await open(FAST);
    await mkdir(`${paths.state}.lock`);
    let isAdded = false;
    const adding = add(registry, "one").then(() => (isAdded = true));
    for (let beat = 1; beat <= 12; beat += 1) {
      await systemClock.sleep(100, NEVER);
      await utimes(`${paths.state}.lock`, new Date(), new Date());
    }

    expect(isAdded).toBe(false);
    await rm(`${paths.state}.lock`, { recursive: true });
    await adding;
    expect(await slugsOnDisk()).toEqual(["one"]);
  });

  it("takes over the lock of a program that was killed", async () => {
    const { registry } = await open(FAST);
    await mkdir(`${paths.state}.lock`);

    expect((await add(registry, "one")).ok).toBe(true);
    expect(await readdir(rig.home)).not.toContain("supervisor-state.json.lock");
  });
});

describe("opening", () => {
  it("starts empty where there is nothing", async () => {
    const { document, degraded } = await open();

    expect(document.repos).toEqual([]);
    expect(degraded).toBeNull();
  });

  it("removes what a kill left of a write that was under way", async () => {
    await writeFile(join(rig.home, ".supervisor-state.json.00ff.tmp"), "{");

    await open();

    expect(await readdir(rig.home)).toEqual([]);
  });

  const good = encodeDocument({ ...EMPTY_DOCUMENT, revision: 4, repos: [record("one")] });
  it.each([
    ["empty", ""],
    ["null", "null"],
    ["an array", "[]"],
    ["cut in the middle", good.slice(0, 200)],
    ["changed by one bit", good.replace("acme/one", "acme/ond")],
    ["nested deeply", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
    ["marked by an editor", `\uFEFF${good}`],
    ["no text", "\u0000\u0001\u0002"],
    ["with a prototype", good.replace('"schema"', '"__proto__": {}, "schema"')],
    [
      "with a slug that leaves the directory",
      encodeDocument({ ...EMPTY_DOCUMENT, repos: [{ ...record("one"), slug: "../one" }] }),
    ],
    [
      "with one slug twice",
      encodeDocument({ ...EMPTY_DOCUMENT, repos: [record("one"), { ...record("one"), path: "/other" }] }),
    ],
  ])("a file that is %s uses the copy before it and keeps the evidence", async (_, content) => {
    await writeFile(paths.statePrevious, good);
    await writeFile(paths.state, content);

    const { registry, degraded } = await open();

    expect(registry.document.repos.map(({ slug }) => slug)).toEqual(["one"]);
    expect(degraded).toContain("damaged");
    const [kept = ""] = await evidence("corrupt");
    expect(await readFile(join(rig.home, kept), "utf8")).toBe(content);

    await add(registry, "two");
    expect(await slugsOnDisk()).toEqual(["one", "two"]);
    expect(await slugsOnDisk(paths.statePrevious)).toEqual(["one"]);
  });

  it("finds every single bit that was flipped", () => {
    const bytes = Buffer.from(good);
    const flips = Array.from({ length: 500 }, (_, index) => (index * 7919) % (bytes.length * 8));
    const believed = flips.filter((bit) => {
      const copy = Buffer.from(bytes);
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const decoded = decodeDocument(copy.toString("utf8"));
      return decoded.ok && encodeDocument(decoded.value) !== good;
    });

    expect(believed).toEqual([]);
  });

  it("says so when no good copy is left, and still keeps the evidence of both", async () => {
    await writeFile(paths.statePrevious, "{");
    await writeFile(paths.state, "[");

    const { document, degraded } = await open();

    expect(document.repos).toEqual([]);
    expect(degraded).toContain("no good copy");
    expect(await evidence("corrupt")).toHaveLength(1);
    expect(await evidence("corrupt-prev")).toHaveLength(1);
  });

  it("refuses a file of a newer version and leaves it as it is", async () => {
    const newer = JSON.stringify({ schema: 3, repos: [], anything: true });
    await writeFile(paths.state, newer);

    await expect(open()).rejects.toMatchObject({ code: "REGISTRY_NEWER", exitCode: 78 });
    expect(await readFile(paths.state, "utf8")).toBe(newer);
  });

  it("refuses a symbolic link", async () => {
    await symlink("/etc/hostname", paths.state);

    await expect(open()).rejects.toMatchObject({ code: "REGISTRY_NO_FILE", exitCode: 78 });
  });
});

describe("the first implementation's file", () => {
  it("is kept as a backup, and its repositories get our identity", async () => {
    const web = await rig.checkout("one/web", "git@github.com:acme/web.git");
    const other = await rig.checkout("two/web", null);
    const entry = { dashboard_url: "http://localhost:1", log_file: "" };
    const content = JSON.stringify({
      repos: [
        { ...entry, path: web, slug: "web", port: 39_543 },
        { ...entry, path: other, slug: "web", port: 0 },
        { ...entry, path: "/gone/away", slug: "acme/shop", port: 0 },
        { ...entry, path: "/gone/twice", slug: "ACME/web", port: 0 },
        "nonsense",
      ],
    });
    await writeFile(paths.state, content);

    const { document, firstEntries, degraded } = await open();
    const adopted = await adoptFirstEntries(
      document,
      firstEntries,
      { paths, now: "2026-01-02T03:04:05.000Z", environment: process.env },
      NEVER,
    );

    expect(degraded).toBeNull();
    expect(adopted.document.repos.map(({ path, slug, repo, desired }) => ({ path, slug, repo, desired }))).toEqual([
      { path: web, slug: "acme-web", repo: "acme/web", desired: "running" },
      { path: other, slug: "local-web", repo: "local/web", desired: "stopped" },
      { path: "/gone/away", slug: "acme-shop", repo: "acme/shop", desired: "stopped" },
    ]);
    expect(adopted.refused.map(({ path }) => path)).toEqual(["/gone/twice"]);
    const [backup = ""] = await evidence("before-upgrade");
    expect(await readFile(join(rig.home, backup), "utf8")).toBe(content);
  });
});
