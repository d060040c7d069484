import { describe, expect, it } from "vitest";

import { headOf, shortenedTo, tailOf } from "../../../src/worker/text/cut-text.ts";
import { cutMarkdown } from "../../../src/worker/text/markdown-code.ts";

const FAMILY = "👩‍👩‍👧‍👦";
const ACCENTED = "e\u0301";

describe("A cut", () => {
  it.for([
    ["a surrogate pair", "ab😀cd", 3, "ab", "cd"],
    ["an accent", `ab${ACCENTED}cd`, 3, "ab", "cd"],
    ["an emoji of many parts", `ab${FAMILY}cd`, 6, "ab", "cd"],
    ["a flag", "ab🇩🇪cd", 4, "ab", "cd"],
    ["a line end of two", "ab\r\ncd", 3, "ab", "cd"],
  ] as const)("never goes through %s", ([, text, unitsMax, head, tail]) => {
    expect(headOf(text, unitsMax)).toBe(head);
    expect(tailOf(text, unitsMax)).toBe(tail);
  });

  it("stands exactly at the limit where that is a border", () => {
    expect(headOf("abcdef", 3)).toBe("abc");
    expect(tailOf("abcdef", 3)).toBe("def");
    expect(headOf("abc", 3)).toBe("abc");
  });

  it("goes through a character that somebody piled up without end, and through no pair even then", () => {
    expect(headOf(`a${"\u0301".repeat(5_000)}`, 1_000)).toHaveLength(1_000);
    expect(headOf(`${"😀\u200d".repeat(2_000)}`, 1_000).isWellFormed()).toBe(true);
  });

  it("counts characters as people do where people count", () => {
    expect(shortenedTo(FAMILY.repeat(5), 5, 200)).toBe(FAMILY.repeat(5));
    expect(shortenedTo(FAMILY.repeat(6), 5, 200)).toBe(`${FAMILY.repeat(4)}…`);
    expect(shortenedTo("a b c d", 6, 200)).toBe("a b c…");
    expect(shortenedTo(`x${"\u0301".repeat(500)}`, 5, 200).length).toBeLessThanOrEqual(200);
  });
});

describe("Markdown that is cut", () => {
  const NOTICE = "\n\n(cut)";

  it("ends with a whole line, so that no code span is cut open", () => {
    const cut = cutMarkdown(`${"a\n".repeat(45)}\`#2 and a rest of the line that is longer\``, 130, NOTICE);

    expect(cut).toBe(`${"a\n".repeat(45).trimEnd()}${NOTICE}`);
  });

  it("closes the block that it is cut in", () => {
    const cut = cutMarkdown(`\`\`\`\n${"@x\n".repeat(100)}\`\`\``, 100, NOTICE);

    expect(cut.endsWith(`\n@x\n\`\`\`${NOTICE}`)).toBe(true);
    expect(cut.length).toBeLessThanOrEqual(100);
  });

  it("of one endless line is cut within it", () => {
    expect(cutMarkdown("x".repeat(5_000), 3_000, NOTICE)).toMatch(/^x{2900,3000}\n\n\(cut\)$/);
  });
});
