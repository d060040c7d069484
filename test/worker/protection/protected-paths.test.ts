import { describe, expect, it } from "vitest";

import { resolveConfig } from "../../../src/core/config/config-layers.ts";
import { followLink } from "../../../src/worker/git/changes/change-links.ts";
import type { ChangedFile } from "../../../src/worker/git/changes/change-output.ts";
import { namesThrough } from "../../../src/worker/protection/protected-links.ts";
import {
  fingerprintOf,
  pathList,
  protectedOf,
  protectedPaths,
} from "../../../src/worker/protection/protected-paths.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const SETTINGS = { protectedPaths: [], unprotectedPaths: [], protectLockfiles: false };

describe("Protected paths", () => {
  it.each([
    ".github/workflows/ci.yml",
    ".github/actions/setup/action.yml",
    ".github/dependabot.yml",
    ".github/copilot-instructions.md",
    "action.yml",
    "tools/deploy/action.yaml",
    ".gitlab-ci.yml",
    ".gitlab-ci/build.yml",
    ".circleci/config.yml",
    ".buildkite/pipeline.yml",
    "Jenkinsfile",
    "ci/Jenkinsfile.release",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    ".travis.yml",
    ".drone.yml",
    ".woodpecker/build.yml",
    ".woodpecker.yaml",
    "appveyor.yml",
    ".cirrus.star",
    ".pre-commit-config.yaml",
    "web/.husky/pre-commit",
    ".gitmodules",
    ".gitattributes",
    "src/deep/.gitattributes",
    ".lfsconfig",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    "CLAUDE.md",
    "web/CLAUDE.local.md",
    "AGENTS.md",
    "web/AGENTS.override.md",
    "GEMINI.md",
    ".claude/settings.json",
    "web/.claude/hooks/run.sh",
    ".mcp.json",
    ".cursorrules",
    ".cursor/rules/x.mdc",
    ".windsurfrules",
    ".codex/config.toml",
    ".aider.conf.yml",
    ".clinerules/a.md",
    ".devcontainer/devcontainer.json",
    ".devcontainer.json",
    ".vscode/tasks.json",
    "web/.vscode/settings.json",
    ".envrc",
    ".hydraflow/config.json",
    "netlify.toml",
    "site/vercel.json",
    "amplify.yml",
    "render.yaml",
    "fly.toml",
    "app.yaml",
    "Procfile",
    ".build.yml",
    ".builds/debian.yml",
    ".readthedocs.yaml",
    ".goreleaser.yml",
    ".ebextensions/01.config",
    ".gitpod.yml",
    ".codesandbox/tasks.json",
  ])("hold %s", (path) => {
    expect(protectedPaths([path], SETTINGS)).toEqual([path]);
  });

  it.each([
    ".GitHub/Workflows/CI.yml",
    "Claude.MD",
    ".git\u200Chub/workflows/ci.yml",
    ".gith\u00ADub/x",
    "GITHUB~1/workflows/ci.yml",
    "github~2/x",
    "HYDRAF~1/config.json",
    "CODEOW~1",
    "GITATT~1",
    "ACTION~1.YAM",
    ".github./workflows/ci.yml",
    ".github /workflows/ci.yml",
    ".github::$INDEX_ALLOCATION/workflows/ci.yml",
    ".github\\workflows\\ci.yml",
    "\uFF0Egithub/workflows/ci.yml",
    ".github/wor\u212Aflows/x",
    "CLAUDE.md:stream",
    ".hydraflow\u2060/config.json",
  ])("hold %j, which some file system takes for one of them", (path) => {
    expect(protectedPaths([path], SETTINGS)).toEqual([path]);
  });

  it.each([".github", ".hydraflow", ".HYDRAFLOW", "docs", ".claude", "web/.vscode", ".circleci"])(
    "hold whatever stands at %s itself: a link, a submodule, a file in place of a directory",
    (path) => {
      expect(protectedPaths([path], SETTINGS)).toEqual([path]);
    },
  );

  it.each([
    "src/main.ts",
    "docs/guide.md",
    "README.md",
    "github/workflows/ci.yml",
    "src/.github-notes.md",
    "src/actions.yml",
    "package.json",
    "package-lock.json",
    "src/CODEOWNERS.ts",
    "AGENCY.md",
    "src/docs",
    ".vscode/snippets.json",
    "a~1",
  ])("let %s pass", (path) => {
    expect(protectedPaths([path], SETTINGS)).toEqual([]);
  });

  it("hold a link that leads to one of them, directly or through others", () => {
    const links = new Map([
      ["a", ".github/workflows"],
      ["b/c", "../a/ci.yml"],
      ["d", "src/main.ts"],
    ]);
    const judged = [...links.keys()].map((path) => {
      const end = followLink(path, links);
      return { path, names: end.kind === "inside" ? [end.path] : [] };
    });

    expect(protectedOf(judged, SETTINGS)).toEqual(["a", "b/c"]);
  });

  it("grow by the setting, shrink by the machine's, and hold lockfiles when asked to", () => {
    const paths = ["infra/prod/main.tf", "infra", ".github/ISSUE_TEMPLATE/bug.md", "web/yarn.lock", "src/infra/x"];

    expect(protectedPaths(paths, { ...SETTINGS, protectedPaths: ["/infra/**/*.tf"] })).toEqual([
      ".github/ISSUE_TEMPLATE/bug.md",
      "infra",
      "infra/prod/main.tf",
    ]);
    expect(protectedPaths(paths, { ...SETTINGS, unprotectedPaths: [".github/ISSUE_TEMPLATE/"] })).toEqual([]);
    expect(protectedPaths(paths, { ...SETTINGS, protectLockfiles: true })).toContain("web/yarn.lock");
  });

  it("never shrink by what stands in the place of an exception's directory", () => {
    const settings = { ...SETTINGS, unprotectedPaths: [".github/ISSUE_TEMPLATE/"] };

    expect(protectedPaths([".github", ".github/ISSUE_TEMPLATE/../workflows/x"], settings)).toContain(".github");
    expect(protectedOf([{ path: ".github/ISSUE_TEMPLATE/x", names: [".github/workflows/ci.yml"] }], settings)).toEqual([
      ".github/ISSUE_TEMPLATE/x",
    ]);
  });

  it("are judged in time that grows with the path alone", () => {
    const path = `${"a".repeat(2_000)}/`.repeat(50);
    const startedMs = cpuMs();

    protectedPaths([path], { ...SETTINGS, protectedPaths: ["**/**/**/*a*a*a*a*a*a*b/**/x"] });

    expect(cpuMs() - startedMs).toBeLessThan(5_000);
  });
});

describe("A path in a tree with links", () => {
  const names = (links: Readonly<Record<string, string>>, path: string) =>
    namesThrough([new Map(Object.entries(links))])(path)?.toSorted();

  it("is called by every link that leads to it, to what stands above it, or on to it by way of others", () => {
    expect(names({ "AGENTS.md": "docs/ai.md", ".claude": "./tools/claude" }, "docs/ai.md")).toContain("agents.md");
    expect(names({ ".claude": "tools/claude" }, "tools/claude/hooks/run.sh")).toContain(".claude/hooks/run.sh");
    expect(names({ ".claude": "a", a: "b/../c", c: "d" }, "d/x")).toEqual(
      ["a/x", "c/x", "d/x", ".claude/x"].toSorted(),
    );
    expect(names({ ".claude": "t/claude", "t/claude/s.json": "../../conf/s.json" }, "conf/s.json")).toContain(
      ".claude/s.json",
    );
    expect(names({ "AGENTS.md": "Docs/AI.md" }, "docs/ai.md")).toContain("agents.md");
    expect(names({ mirror: "." }, "x")).toEqual(["mirror/x", "x"]);
    expect(names({ ".claude": "tools/claude" }, "tools/claudette")).toEqual(["tools/claudette"]);
  });

  it("is called by a link that stands on the way, also when that is replaced", () => {
    expect(names({ "AGENTS.md": "current", current: "docs/ai.md" }, "current")).toContain("agents.md");
    expect(names({ ".claude": "x/claude", x: "tools" }, "x")).toContain(".claude");
  });

  it("has too many names to be told where links lead in circles without end", () => {
    const circles = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`d${n}/up`, ".."]));

    expect(names(circles, "x")).toBeUndefined();
    expect(protectedOf([{ path: "x", names: null }], SETTINGS)).toEqual(["x"]);
  });
});

describe("A link in a tree", () => {
  const links = new Map([
    ["abs", "/etc/passwd"],
    ["up", "../outside"],
    ["sub/up", "../../outside"],
    ["sub/ok", "../src/main.ts"],
    ["deep", "sub/dir/deeper"],
    ["through", "deep/../../../x"],
    ["below", "deep/../ok.txt"],
    ["chain", "vendor/file"],
    ["vendor", "/opt/vendor"],
    ["circle", "circle2"],
    ["circle2", "circle"],
    ["drive", "C:\\Windows"],
    ["back", "..\\..\\x"],
    ["git", ".git/config"],
    ["gitcase", "sub/.GIT/hooks"],
    ["root", "."],
    ["trick", "src/../../x"],
  ]);

  it.each(["abs", "up", "sub/up", "through", "chain", "vendor", "circle", "drive", "back", "git", "gitcase", "trick"])(
    "called %s leads out of it",
    (link) => {
      // `through` goes up from where the link `deep` leads, which is below `sub`.
      const followed = followLink(link, link === "through" ? new Map([...links, ["deep", "src"]]) : links);
      expect(followed).toEqual({ kind: "outside" });
    },
  );

  it.each([
    ["sub/ok", "src/main.ts"],
    ["below", "sub/dir/ok.txt"],
    ["root", ""],
  ])("called %s leads to %j", (link, path) => {
    expect(followLink(link, links)).toEqual({ kind: "inside", path });
  });
});

describe("An approval", () => {
  it("is for contents and modes of the protected files, and for no others", () => {
    const file = (newId: string, newMode = "100644") =>
      ({ path: ".github/workflows/ci.yml", oldMode: null, oldId: null, newMode, newId }) as ChangedFile;

    expect(fingerprintOf([file("a")])).toBe(fingerprintOf([file("a")]));
    expect(fingerprintOf([file("a")])).not.toBe(fingerprintOf([file("b")]));
    expect(fingerprintOf([file("a")])).not.toBe(fingerprintOf([file("a", "100755")]));
    expect(fingerprintOf([file("a"), file("a")])).not.toBe(fingerprintOf([file("a")]));
  });
});

describe("Paths in a question", () => {
  it("end no code span, begin no line, and are cut", () => {
    const list = pathList([
      "a`b\n# heading @olivia",
      "x".repeat(5_000),
      ...Array.from({ length: 60 }, (_, n) => `f${n}`),
    ]);

    expect(list.split("\n")[0]).toBe("- `a\u{FFFD}b\u{FFFD}# heading @olivia`");
    expect(list).toContain("- and 12 more");
    expect(list.length).toBeLessThan(2_000);
  });
});

describe("The settings of protected paths", () => {
  it("of a repository only add to the machine's", () => {
    const resolved = resolveConfig([
      { source: "machine", kind: "machine", values: { protectedPaths: ["a"], protectLockfiles: true } },
      { source: "repository", kind: "repository", values: { protectedPaths: ["b"], protectLockfiles: false } },
    ]);
    const refused = resolveConfig([
      { source: "repository", kind: "repository", values: { unprotectedPaths: [".github/"] } },
    ]);

    expect(resolved).toMatchObject({ ok: true, value: { protectedPaths: ["a", "b"], protectLockfiles: true } });
    expect(refused).toMatchObject({ ok: false, failure: [{ setting: "unprotectedPaths" }] });
  });
});
