import { describe, expect, it } from "vitest";

import { EtagCache } from "../../../src/worker/github/transport/etag-cache.ts";

const cached = (answer: string) => ({ etag: '"x"', answer });

describe("EtagCache", () => {
  it("forgets what was not used longest when there are too many", () => {
    const cache = new EtagCache<string>({ entriesMax: 2, bytesMax: 1_000 });
    cache.set("a", cached("a"));
    cache.set("b", cached("b"));
    cache.get("a");
    cache.set("c", cached("c"));

    expect(["a", "b", "c"].map((url) => cache.get(url)?.answer)).toEqual(["a", undefined, "c"]);
  });

  it("stays below its bytes, counts a replaced entry once, and takes nothing that is larger than all of it", () => {
    const cache = new EtagCache<string>({ entriesMax: 10, bytesMax: 400 });
    for (let round = 0; round < 10; round += 1) cache.set("a", cached("x".repeat(100)));
    cache.set("b", cached("x".repeat(100)));
    expect([cache.get("a"), cache.get("b")].every((found) => found !== undefined)).toBe(true);

    cache.set("c", cached("x".repeat(200)));
    cache.set("huge", cached("x".repeat(1_000)));

    expect(cache.get("huge")).toBeUndefined();
    expect(cache.get("c")).toBeDefined();
    expect(cache.get("a")).toBeUndefined();
  });
});
