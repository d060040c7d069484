import { describe, expect, it } from "vitest";

import { compareConfigs, includedPaths } from "../../../../src/worker/git/guard/config-change.ts";

const BEFORE =
  '[core]\n\tbare = false\n[remote "origin"]\n\turl = https://github.com/acme/web.git\n[branch "main"]\n\tremote = origin\n\tmerge = refs/heads/main\n';

describe("compareConfigs", () => {
  it.each([
    ["a new branch section", `${BEFORE}[branch "x"]\n\tremote = origin\n\tmerge = refs/heads/x\n`, "none"],
    ["a branch section that went", BEFORE.slice(0, BEFORE.indexOf("[branch")), "none"],
    ["a hooks path", BEFORE.replace("\tbare", "\thooksPath = .husky/_\n\tbare"), "put-back"],
    [
      "a submodule that was initialised",
      `${BEFORE}[submodule "vendor/library"]\n\tactive = true\n\turl = https://github.com/acme/library.git\n`,
      "put-back",
    ],
    ["a submodule's command", `${BEFORE}[submodule "x"]\n\tactive = true\n\tupdate = !sh\n`, "other"],
    ["a key below a submodule", `${BEFORE}[submodule "x"]\n\tactive = true\n\tfsmonitor = sh\n`, "other"],
    ["an alias", `${BEFORE}[alias]\n\tx = !sh\n`, "other"],
    ["a key below a branch section", `${BEFORE}[branch "x"]\n\tremote = origin\n\tfsmonitor = sh\n`, "other"],
    ["a key on the header's line", `${BEFORE}[branch "x"] fsmonitor = sh\n`, "other"],
    ["another section on a value's line", `${BEFORE}[branch "x"]\n\tremote = a [core] fsmonitor = sh\n`, "other"],
    ["a continued line", `${BEFORE}[branch "x"]\n\tremote = origin\\\n[core]\n`, "other"],
    ["a branch section in the middle of another", BEFORE.replace("\tbare", '[branch "x"]\n\tbare'), "other"],
    [
      "a header that is gone, which gives its keys to the section before",
      BEFORE.replace('[branch "main"]\n', ""),
      "other",
    ],
    ["a hooks path that is a command", BEFORE.replace("\tbare", "\thooksPath = a;b\n\tbare"), "other"],
    ["a changed URL", BEFORE.replace("acme", "evil"), "other"],
  ])("judges %s", (_name, after, expected) => {
    expect(compareConfigs(BEFORE, after)).toBe(expected);
  });
});

describe("includedPaths", () => {
  it("reads include and includeIf sections and nothing else", () => {
    const config =
      '[include]\n\tpath = ../a\n[includeIf "gitdir:/x/"]\n\tpath = "/b c"\n[core]\n\tpath = no\n[include] path = d\n';

    expect(includedPaths(config)).toEqual(["../a", "/b c", "d"]);
  });
});
