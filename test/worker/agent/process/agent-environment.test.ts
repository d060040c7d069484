import { describe, expect, it } from "vitest";

import { agentEnvironment } from "../../../../src/worker/agent/process/agent-environment.ts";

const PARENT = {
  PATH: "/usr/bin:node_modules/.bin:.:/bin",
  LANG: "C.UTF-8",
  LC_ALL: "C",
  HTTPS_PROXY: "http://proxy:3128",
  HOME: "/home/operator",
  ANTHROPIC_API_KEY: "key",
  GITHUB_TOKEN: "github",
  GH_TOKEN: "gh",
  HYDRAFLOW_TOKEN: "token",
  HYDRAFLOW_DEMO_PACE_MS: "10",
  GIT_DIR: "/elsewhere",
  NODE_OPTIONS: "--require evil",
  LD_PRELOAD: "evil.so",
  SECRET_OF_THE_SHELL: "x",
};
const marks = { HYDRAFLOW_TREE: "tree", HYDRAFLOW_BIRTH: "spawn" };

describe("the environment of an agent", () => {
  it("holds the allow-list, homes of its own and the marks, and nothing else", () => {
    const environment = agentEnvironment({
      parent: PARENT,
      names: [],
      home: "/data/agents/1",
      temporary: "/tmp/x/1",
      marks,
    });

    expect(environment).toEqual({
      PATH: "/usr/bin:/bin",
      LANG: "C.UTF-8",
      LC_ALL: "C",
      HTTPS_PROXY: "http://proxy:3128",
      HOME: "/data/agents/1",
      TMPDIR: "/tmp/x/1",
      XDG_CONFIG_HOME: "/data/agents/1/.config",
      XDG_CACHE_HOME: "/data/agents/1/.cache",
      XDG_DATA_HOME: "/data/agents/1/.local/share",
      XDG_STATE_HOME: "/data/agents/1/.local/state",
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      ...marks,
    });
  });

  it("lets the operator name more, but never a credential of ours nor what changes which code runs", () => {
    const names = Object.keys(PARENT);

    const environment = agentEnvironment({ parent: PARENT, names, home: "/h", temporary: "/t", marks: {} });

    const added = ["ANTHROPIC_API_KEY", "SECRET_OF_THE_SHELL", "HYDRAFLOW_DEMO_PACE_MS"];
    expect(Object.keys(environment)).toEqual(expect.arrayContaining(added));
    for (const name of ["GITHUB_TOKEN", "GH_TOKEN", "HYDRAFLOW_TOKEN", "GIT_DIR", "NODE_OPTIONS", "LD_PRELOAD"]) {
      expect(environment).not.toHaveProperty(name);
    }
    expect(environment["HOME"]).toBe("/h");
  });
});
