import { describe, expect, it } from "vitest";

import { HydraError } from "../../../src/core/base/errors.ts";
import { exitCodeOf, shortageIn, shortageOf } from "../../../src/core/processes/shortage.ts";

function system(code: string, message = `${code}: it failed, open '/data/state.json'`): Error {
  return Object.assign(new Error(message), { code });
}

describe("what the machine is short of", () => {
  it.each(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EROFS", "EIO"])("is told by %s", (code) => {
    expect(shortageOf(system(code))).toBe(`${code}: it failed, open '/data/state.json'`);
    expect(exitCodeOf(system(code))).toBe(71);
  });

  it("is found among causes, among several errors, and behind what failed while something was closed", () => {
    const cause = system("ENOSPC");
    const wrapped = new HydraError("BAD_CONFIG", "it cannot be read", { cause, exitCode: 78 });
    const late = new SuppressedError(new Error("while closing"), wrapped);

    for (const thrown of [
      wrapped,
      new Error("x", { cause: wrapped }),
      new AggregateError([new Error("y"), cause]),
      late,
    ])
      expect([shortageOf(thrown), exitCodeOf(thrown)]).toEqual([cause.message, 71]);
  });

  it("is memory where V8 and Node have no errno for it", () => {
    const thrown = [
      new RangeError("Array buffer allocation failed"),
      system("ERR_MEMORY_ALLOCATION_FAILED", "Failed to allocate memory"),
    ];

    expect(thrown.map(shortageOf)).toEqual([
      "ENOMEM: Array buffer allocation failed",
      "ERR_MEMORY_ALLOCATION_FAILED: Failed to allocate memory",
    ]);
  });

  it("is no fault of ours: neither a bug nor a wrong setting nor a causal circle is one", () => {
    const circle = new Error("round");
    circle.cause = circle;

    for (const thrown of [new TypeError("ENOSPC in a text"), system("ENOENT"), circle, "ENOSPC", null, undefined])
      expect(shortageOf(thrown)).toBeNull();
    expect(exitCodeOf(new HydraError("BAD_CONFIG", "no", { exitCode: 78 }))).toBe(78);
    expect(exitCodeOf(new TypeError("no"))).toBe(1);
  });

  it("is told by the last words of a process that could not begin", () => {
    const words = [
      "node: error while loading shared libraries: libdl.so.2: cannot open shared object file: Error 23",
      "#  Fatal process out of memory: SegmentedTable::InitializeTable",
      "Error: ENFILE: file table overflow, open '/app/worker.js'",
    ];

    for (const line of words) expect(shortageIn(["first", line, "Node.js v24.0.0"])).toBe(line);
    expect(
      shortageIn(["FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"]),
    ).toBeNull();
    expect(shortageIn(["TypeError: x is not a function", "Node.js v24.0.0"])).toBeNull();
  });
});
