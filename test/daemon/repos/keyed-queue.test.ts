import { describe, expect, it } from "vitest";

import { KeyedQueue } from "../../../src/daemon/repos/keyed-queue.ts";

describe("the queue by key", () => {
  it("runs one key's work in order, also after a failure, and other keys' beside it", async () => {
    const queue = new KeyedQueue();
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = queue.run("a", async () => {
      await gate.promise;
      order.push("a1");
      throw new Error("a1 failed");
    });
    const second = queue.run("a", async () => order.push("a2"));
    await queue.run("b", async () => order.push("b1"));
    gate.resolve();

    await expect(first).rejects.toThrow("a1 failed");
    await second;
    expect(order).toEqual(["b1", "a1", "a2"]);
  });
});
