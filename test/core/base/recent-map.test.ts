import { expect, it } from "vitest";

import { RecentMap } from "../../../src/core/base/recent-map.ts";

it("forgets what was told first, and counts what is told again as new", () => {
  const map = new RecentMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);

  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([3, undefined, 4]);
});
