// A real agent does the main job: the built daemon, a real worker, the real Claude Code, real git and the forge. Only
// the model is scripted.

import { join } from "node:path";

import { expect, test } from "vitest";

import { startForge } from "../../src/forge/forge.ts";
import { setup as buildProgram } from "../support/built-program.ts";
import { DaemonRig, until } from "../support/daemon-rig.ts";
import { git } from "../support/sample-checkout.ts";
import { startStubModelServer } from "../support/stub-model-server.ts";
import { program } from "./claude-rig.ts";
import { makeTemporaryDirectory } from "../support/temporary-directory.ts";
import { storyRules } from "./claude-script.ts";

const MANIFEST = '{"type":"module","scripts":{"test":"node --test"}}\n';
const MODULE = "export function double(number) {\n  return number * 2;\n}\n";
const TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { double } from "../src/double.js";

test("doubles", () => assert.equal(double(21), 42));
`;
const PLAN = `## Files to Modify

None of the existing files change; \`src/double.js\` is new.

## New Files

- \`src/double.js\` with the function \`double(number)\`
- \`test/double.test.js\` with its test

## File Delta

ADDED: src/double.js
ADDED: test/double.test.js

## Implementation Steps

1. Write \`test/double.test.js\` with the example of the issue.
2. Write \`src/double.js\` and export \`double\` from it.

## Testing Strategy

\`test/double.test.js\` runs first and fails, then passes with the module in place.

## Acceptance Criteria

- \`double(21)\` is 42.

## Key Considerations

Nothing else uses the module yet, so nothing else can break.
`;

test("one issue goes from hydraflow-find to merged with the real Claude Code", async () => {
  await buildProgram();
  await using model = await startStubModelServer(
    storyRules({ files: { "src/double.js": MODULE, "test/double.test.js": TEST }, plan: PLAN }),
  );
  await using world = await makeTemporaryDirectory();
  await using forge = await startForge({ port: 0, dataDir: join(world.path, "forge"), ci: { command: "node --test" } });
  await forge.createRepository({
    owner: "acme",
    name: "web",
    files: { "package.json": MANIFEST, "README.md": "web\n" },
  });
  await using rig = await DaemonRig.start({
    config: {
      githubApiUrl: forge.url,
      agentCommand: program,
      agentEnvironment: ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"],
      pollIntervalMs: 500,
      ciPollIntervalMs: 500,
      minPlanWords: 40,
    },
    environment: { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "stub", GITHUB_TOKEN: forge.token },
  });
  const number = await forge.createIssue("acme/web", {
    title: "Add a function that doubles a number",
    body: "We double numbers in three places by hand. Add `double(number)` in `src/double.js` with a test; `double(21)` is 42.",
    labels: ["hydraflow-find"],
  });
  await git(rig.directory, "clone", "-q", `${forge.url}/acme/web.git`, "web");

  await rig.http("POST", "/api/repos", { path: join(rig.directory, "web") });
  await until(() => forge.issue("acme/web", number).labels.includes("hydraflow-fixed"), "the issue is fixed");

  const issue = forge.issue("acme/web", number);
  const [pull, ...more] = forge.pulls("acme/web");
  expect(more).toEqual([]);
  expect(pull).toMatchObject({ merged: true, headBranch: `agent/issue-${number}` });
  expect(issue.state).toBe("closed");
  await git(rig.directory, "clone", "-q", `${forge.url}/acme/web.git`, "after");
  expect(await git(join(rig.directory, "after"), "show", "HEAD:src/double.js")).toBe(MODULE.trim());
  expect(model.requests.length).toBeGreaterThanOrEqual(8);
  expect(JSON.stringify(model.requests)).not.toContain(forge.token);
});
