import { basename } from "node:path";

import { describe, expect, it } from "vitest";

import { supervisorPaths } from "../../../src/core/files/paths.ts";
import { parseRepositoryName, type RepositoryName } from "../../../src/core/domain/repository-name.ts";
import { amend, type Candidate, findRecord, register, unregister } from "../../../src/daemon/registry/registration.ts";
import { EMPTY_DOCUMENT, type RegistryDocument } from "../../../src/daemon/registry/registry-document.ts";

const OPTIONS = {
  paths: { home: "/h", clones: "/h/clones" },
  desired: "running",
  now: "2026-01-02T03:04:05.000Z",
} as const;

function named(fullName: string): RepositoryName {
  const parsed = parseRepositoryName(fullName);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return parsed.value;
}

function at(path: string | undefined, fullName: string, byOperator = false): Candidate {
  return { path, name: named(fullName), named: byOperator };
}

function tryAdd(document: RegistryDocument, candidate: Candidate) {
  return register(document, candidate, OPTIONS);
}

/** The document with all of them, and the slug that each got. */
function addAll(...candidates: Candidate[]): { document: RegistryDocument; slugs: string[] } {
  const slugs: string[] = [];
  let document = EMPTY_DOCUMENT;
  for (const candidate of candidates) {
    const added = tryAdd(document, candidate);
    if (!added.ok) throw new Error(added.failure.message);
    document = added.value.document;
    slugs.push(added.value.value.record.slug);
  }
  return { document, slugs };
}

describe("a slug", () => {
  it("comes from owner and name, never from the directory", () => {
    expect(addAll(at("/x/web", "acme/web"), at("/y/web", "other/web")).slugs).toEqual(["acme-web", "other-web"]);
  });

  it("gets a suffix where two repositories would share it, and keeps it whatever comes later", () => {
    const { slugs } = addAll(at("/1", "a-b/c"), at("/2", "a/b-c"));

    expect(slugs[0]).toBe("a-b-c");
    expect(slugs[1]).toMatch(/^a-b-c-[0-9a-f]{6}$/);
  });

  const files = Object.values(supervisorPaths("/h")).map((path) => basename(path).replace("-", "/"));

  it.each(files.filter((name) => /^[a-z]+\/[a-z.]+$/.test(name)))(
    "of %s does not name a file of the state directory",
    (name) => {
      expect(addAll(at("/1", name)).slugs[0]).toMatch(/-[0-9a-f]{6}$/);
    },
  );

  it("of a name that is too long is cut, and still its own", () => {
    const name = "n".repeat(99);
    const { slugs } = addAll(at("/1", `acme/${name}1`), at("/2", `acme/${name}2`));

    expect(slugs.map(({ length }) => length)).toEqual([100, 100]);
    expect(slugs[0]).not.toBe(slugs[1]);
  });

  it("of a removed repository stays its own, because its data stays", () => {
    const { document } = addAll(at("/1", "a-b/c"));
    const removed = unregister(document, "a-b-c");
    if (!removed.ok) throw new Error("it was there");

    const other = tryAdd(removed.value.document, at("/2", "a/b-c"));
    const again = tryAdd(removed.value.document, at("/1", "a-b/c"));

    expect(other.ok && other.value.value.record.slug).toMatch(/^a-b-c-[0-9a-f]{6}$/);
    expect(again.ok && again.value.value.record.slug).toBe("a-b-c");
  });
});

describe("one repository", () => {
  it("added again at its path changes nothing", () => {
    const { document } = addAll(at("/1", "acme/web"));

    const again = tryAdd(document, at("/1", "Acme/Web"));

    expect(again).toMatchObject({ ok: true, value: { value: { isNew: false, record: { slug: "acme-web" } } } });
    expect(again.ok && again.value.document).toBe(document);
  });

  it("is refused at another path, however its name is spelled", () => {
    const { document } = addAll(at("/1", "Acme/Web"));

    expect(tryAdd(document, at("/2", "acme/web"))).toMatchObject({
      ok: false,
      failure: { code: "already_registered" },
    });
    expect(tryAdd(document, at(undefined, "acme/web"))).toMatchObject({
      ok: false,
      failure: { code: "already_registered" },
    });
  });

  it("is refused under another name at the same path", () => {
    const { document } = addAll(at("/1", "acme/web"));

    expect(tryAdd(document, at("/1", "acme/shop"))).toMatchObject({
      ok: false,
      failure: { code: "already_registered" },
    });
    expect(tryAdd(document, at("/1", "acme/shop", true))).toMatchObject({
      ok: false,
      failure: { code: "already_registered" },
    });
  });

  it("keeps the name that the operator gave it when it is added without one", () => {
    const { document } = addAll(at("/1", "acme/web", true));

    expect(tryAdd(document, at("/1", "local/checkout"))).toMatchObject({
      ok: true,
      value: { value: { isNew: false } },
    });
  });

  it("that is to be cloned lives beneath the clones, and is known again there", () => {
    const { document } = addAll(at(undefined, "acme/web"));

    expect(document.repos[0]?.path).toBe("/h/clones/acme-web");
    expect(tryAdd(document, at(undefined, "ACME/web"))).toMatchObject({ ok: true, value: { value: { isNew: false } } });
  });

  it("is found by slug or by full name", () => {
    const { document } = addAll(at("/1", "Acme/Web"));

    expect(findRecord(document, "acme-web")?.path).toBe("/1");
    expect(findRecord(document, "acme/WEB")?.path).toBe("/1");
    expect(findRecord(document, "web")).toBeUndefined();
  });
});

describe("directories without a remote", () => {
  it("of one name are two repositories", () => {
    const { document, slugs } = addAll(at("/1/web", "local/web"), at("/2/web", "local/web"));

    expect(slugs[0]).toBe("local-web");
    expect(slugs[1]).toMatch(/^local-web-[0-9a-f]{6}$/);
    expect(tryAdd(document, at("/2/web", "local/web"))).toMatchObject({ ok: true, value: { value: { isNew: false } } });
  });
});

describe("amending an entry", () => {
  it("returns the same document when nothing changes, so that nothing is written", () => {
    const { document } = addAll(at("/1", "acme/web"));
    const same = amend(document, "acme-web", { desired: "running", quarantine: null });

    expect(same.ok && same.value.document).toBe(document);
  });
});
