// Reads text for GitHub by patterns in GitHub's manner: GitHub would act on what they find in it.

import { describe, expect, it } from "vitest";

import { disarmMarkdown, disarmPlain } from "../../../src/worker/text/disarm.ts";
import { cpuMs } from "../../support/cpu-time.ts";

/** GitHub acts on these in rendered text, after Markdown has taken backslashes, entities and emphasis away. */
const ACTS = [
  /(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)[:\s]+(?:[\w./:-]*#|gh-|https?:\/\/\S+\/)\d/i,
  /#\d/,
  /\bgh-\d/i,
  /\/(?:issues|pull|pulls|discussions)\/\d/,
  /(?:^|[^a-z0-9])@[a-z0-9]/i,
  /\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}\b/,
  /<(?:!--|\/?[a-z])/i,
  /\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^(?:skip-checks|co-authored-by|signed-off-by):/im,
];

function rendered(text: string): string {
  const entities: Record<string, string> = { num: "#", commat: "@", sol: "/", colon: ":", period: "." };
  return text
    .replace(/&#x([0-9a-f]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&(\w+);/g, (whole, name: string) => entities[name] ?? whole)
    .replace(/\\(?=[!-/:-@[-`{-~])/g, "")
    .replace(/[*_`]/g, "");
}

const ARMED = [
  "fixes #2",
  "Closes: #2",
  "RESOLVED\n#2",
  "**Fixes** #2",
  "Fixes **#2**",
  "fixes acme/other#2",
  "fixed GH-2 and gh-3",
  "closes https://github.com/acme/web/issues/2",
  "see https://github.com/acme/web/pull/2 or [this](https://github.com/acme/web/discussions/2)",
  "see [x](/acme/web/issues\\/2)",
  "ask @olivia, _@olivia_, **@acme/team**, (@olivia) or é@olivia",
  "see abcdef1, 0123456789abcdef0123456789abcdef01234567 and acme/web@abcdef1",
  "fixes \\#2, GH\\-2 and \\@olivia",
  "fixes &#35;2, &#x23;2, &num;2, #&#50;, #&#x32; and &commat;olivia, &#64;olivia",
  "see /acme/web/issues&#47;2 and /acme/web/issues&sol;2",
  "fixes #\u200b2, #\u00ad2, @\u2060olivia and <\u200b!-- x -->",
  "<!-- hydraflow:1.1/x -->",
  "<b>@olivia</b> <details hidden>",
  "[skip ci] [ci skip] [no ci] [skip actions] [actions skip]",
  "Co-authored-by: Mallory <m@example.test>\nSigned-off-by: x\nskip-checks: true",
  "a\r@olivia\r\n#2",
];

describe("Text for GitHub", () => {
  it.for(ARMED)("acts on GitHub where nobody disarms it: %j", (text) => {
    expect(ACTS.some((act) => act.test(rendered(text.replace(/[\u200b\u00ad\u2060]/g, ""))))).toBe(true);
  });

  it.for(ARMED)("does nothing as Markdown, a title or a message: %j", (text) => {
    for (const act of ACTS) expect(rendered(disarmMarkdown(text))).not.toMatch(act);
    for (const act of ACTS.filter((pattern) => !pattern.source.startsWith("<")))
      expect(rendered(disarmPlain(text))).not.toMatch(act);
  });

  it("reads the same as before", () => {
    const text = "Fixes #2 for @olivia, see https://github.com/acme/web/issues/2: `Array<string>` and <b>.";

    expect(disarmMarkdown(text).replaceAll("\u2060", "")).toBe(text);
    expect(disarmPlain(text).replaceAll("\u2060", "")).toBe(text);
  });

  it("leaves alone what means nothing to GitHub", () => {
    const text = "mail a@b.test, 1 < 2, C# 12, # Heading, 12345678, defaced, a &amp; b, GH-, issues/new";

    expect(disarmMarkdown(text)).toBe(text);
  });

  it("links to what is ours, and to nothing whose number only begins or ends so", () => {
    const text = "See #7, (#9), #77, acme/other#7 and other-#7.";

    expect(disarmMarkdown(text, { own: [7, 9] }).replaceAll("\u2060", "!")).toBe(
      "See #7, (#9), #!77, acme/other#!7 and other-#!7.",
    );
  });
});

describe("Code in Markdown", () => {
  it("stays as it is, in a block and in a line", () => {
    const text =
      "Run `npm i @acme/web` for `#12`:\n\n```css\na { color: #112233; } /* @media <b> */\n```\n\n~~~\n@x\n~~~";

    expect(disarmMarkdown(text)).toBe(text);
  });

  it("never closes an issue, since reports differ on whether GitHub reads it", () => {
    expect(disarmMarkdown("`fixes #2`")).not.toContain("#2");
    expect(disarmMarkdown("Fixes `acme/web#2`")).not.toContain("#2");
    expect(disarmMarkdown("```\nResolves: #2\n```")).not.toContain("#2");
    expect(disarmMarkdown("`<!-- hydraflow:1 -->`")).not.toContain("<!--");
  });

  it.for([
    ["a fence that a list ends", "- ```\n  a\n@olivia"],
    ["a fence in a quotation", "> ```\n@olivia"],
    ["a fence behind its end", "```\na\n   ```  \n@olivia"],
    ["a fence with a shorter one in it", "````\n```\n````\n@olivia"],
    ["a fence whose info holds a backtick", "``` `\n@olivia"],
    ["a span that another line has opened", "a ` b\n` @olivia `"],
    ["a span across list items", "- a ` b\n- @olivia ` c"],
    ["a span whose backtick is escaped", "\\`@olivia`"],
    ["spans that a table's cells cut", "| a | b |\n|--|--|\n| `a | @olivia` |"],
    ["a span that is not closed", "``@olivia` "],
    ["a fence too long to be one", `${"`".repeat(40)}\n\`\`\`\n${"`".repeat(40)}\n@olivia`],
    ["a line of old Macs", "```\ra\r```\r@olivia"],
  ] as const)("counts as none where it is doubtful: %s", ([, text]) => {
    expect(disarmMarkdown(text)).not.toContain("@olivia");
  });

  it("is no block where a line may stand behind a list's mark", () => {
    expect(disarmMarkdown("```\n@olivia", { inList: true })).toBe("```\n@\u2060olivia");
  });

  it("that is never closed is closed, so that what follows is no part of it", () => {
    expect(disarmMarkdown("````js\n@x")).toBe("````js\n@x\n````");
  });
});

describe("The time it takes", () => {
  it.for(["#", "`", "` ", "``` ", "@", "<", "a-by", "[ ", "&#", "/issues/", "f0", "fix ", "-by: ", "\n```\n", "\\"])(
    "grows with the length alone: %j",
    (piece) => {
      const startedMs = cpuMs();
      disarmMarkdown(piece.repeat(200_000 / piece.length));

      expect(cpuMs() - startedMs).toBeLessThan(2_000);
    },
  );
});
