import { describe, expect, it } from "vitest";

import { LineSplitter, parseJsonObject } from "../../../src/core/files/json-lines.ts";

function split(chunks: readonly Uint8Array[], bytesMax = 1_000): { lines: string[]; failed: boolean; rest: string } {
  const splitter = new LineSplitter(bytesMax);
  const lines: string[] = [];
  for (const chunk of chunks) {
    const pushed = splitter.push(chunk);
    if (!pushed.ok) return { lines, failed: true, rest: "" };
    lines.push(...pushed.value);
  }
  return { lines, failed: false, rest: splitter.rest() };
}

describe("splitting into lines", () => {
  it("gives the same lines however the bytes are cut, characters of several bytes included", () => {
    const bytes = Buffer.from('{"a":"é€😀"}\r\nsecond\n\nrest of ünïcödé');

    for (let size = 1; size <= bytes.length; size += 1) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      expect(split(chunks), `chunks of ${size}`).toEqual({
        lines: ['{"a":"é€😀"}', "second", ""],
        failed: false,
        rest: "rest of ünïcödé",
      });
    }
  });

  it("counts bytes, not characters, and takes a line of exactly the limit", () => {
    expect(split([Buffer.from(`${"é".repeat(5)}\n`)], 10).lines).toEqual(["é".repeat(5)]);
    expect(split([Buffer.from(`${"é".repeat(5)}x\n`)], 10).failed).toBe(true);
  });

  it("refuses a line that never ends as soon as it passes the limit, not later", () => {
    const splitter = new LineSplitter(10);

    const pushed = [4, 4, 2, 1].map((length) => splitter.push(Buffer.alloc(length, "x")));

    expect(pushed.map(({ ok }) => ok)).toEqual([true, true, true, false]);
    expect(pushed[3]).toEqual({ ok: false, failure: { kind: "line-too-long", bytes: 11 } });
  });

  it("does not count lines together that are short each", () => {
    expect(split([Buffer.from("12345\n67890\nabcde\n")], 5).lines).toEqual(["12345", "67890", "abcde"]);
  });

  it("is empty after its rest was taken", () => {
    const splitter = new LineSplitter(10);
    splitter.push(Buffer.from("tail"));

    expect([splitter.rest(), splitter.rest()]).toEqual(["tail", ""]);
  });
});

describe("parsing a JSON object", () => {
  it.each(["", "null", "[]", "1", '"text"', "true", "{", "{'a':1}", "{} {}", "\uFEFF{}", '{"a":NaN}'])(
    "refuses %j",
    (text) => {
      expect(parseJsonObject(text)).toBeUndefined();
    },
  );

  it.each([
    '{"__proto__":{"admin":true}}',
    '{"a":[{"__proto__":1}]}',
    '{"constructor":{}}',
    String.raw`{"\u005f\u005fproto__":1}`,
  ])("refuses the key in %s and leaves prototypes alone", (text) => {
    expect(parseJsonObject(text)).toBeUndefined();
    expect((Object.prototype as { admin?: boolean }).admin).toBeUndefined();
  });

  it("takes nesting up to the limit, and refuses more before it parses", () => {
    const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;

    expect(parseJsonObject(nested(32))).toBeDefined();
    expect(parseJsonObject(nested(33))).toBeUndefined();
    expect(parseJsonObject(`{"a":${"[".repeat(100_000)}`)).toBeUndefined();
  });

  it("does not take brackets within strings for nesting", () => {
    const text = JSON.stringify({ a: `"${"[{".repeat(1_000)}\\` });

    expect(parseJsonObject(text)).toEqual(JSON.parse(text));
  });
});
