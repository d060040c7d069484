import { describe, expect, it } from "vitest";

import {
  onOneLine,
  withHiddenShown,
  withoutHidden,
  withoutStyling,
} from "../../../src/worker/text/hidden-characters.ts";

describe("What nobody sees", () => {
  it.for([
    ["a text-direction override", "a\u202eb", "a\\u202eb"],
    ["a zero-width space", "a\u200bb", "a\\u200bb"],
    ["a control character", "a\u0007b\u001b[31m", "a\\u0007b\\u001b[31m"],
    ["a carriage return", "a\r\nb", "a\\u000d\nb"],
    ["a tag", "a\u{e0041}b", "a\\u{e0041}b"],
    ["a filler that passes for a letter", "a\u3164b", "a\\u3164b"],
    ["half a pair", "a\ud83db", "a\\ud83db"],
    ["a selector that carries data", "a\u{e0101}b", "a\\u{e0101}b"],
  ] as const)("is shown: %s", ([, text, shown]) => {
    expect(withHiddenShown(text)).toBe(shown);
  });

  it("is told from an escape that the text itself spells", () => {
    expect(withHiddenShown(String.raw`"\u202e" and "\u00e9" and "\u{e0041}" and "\u003c"`)).toBe(
      String.raw`"\u005cu202e" and "\u00e9" and "\u005cu{e0041}" and "\u005cu003c"`,
    );
  });

  it("is taken out of text for reading, but for what shapes emoji and letters", () => {
    expect(withoutHidden("a\u200bb\u2066c\u{e0041}d\u0007e\r\nf\tg")).toBe("abcde\nf\tg");
    expect(withoutHidden("👩‍👧 می\u200cخواهم a\u200db")).toBe("👩‍👧 می\u200cخواهم ab");
  });

  it("leaves a name on one line", () => {
    expect(onOneLine("a\nb\tc")).toBe("a\\u000ab\\u0009c");
  });

  it("loses the colours of a program's output, and nothing that it says", () => {
    expect(withoutStyling("\u001b[1;31mred\u001b[0m\r\nplain\u001b]")).toBe("red\nplain\u001b]");
  });
});
