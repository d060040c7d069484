import { describe, expect, it } from "vitest";

import { configSchema, environmentName, machineSettings, repositorySettings } from "../../../src/core/config/config.ts";
import {
  type ConfigLayer,
  describeProblems,
  environmentLayer,
  resolveConfig,
} from "../../../src/core/config/config-layers.ts";

const layer = (kind: ConfigLayer["kind"], values: unknown): ConfigLayer => ({ kind, source: `the ${kind}`, values });
const SETTINGS = Object.keys(configSchema.shape);

function problemsOf(...layers: readonly ConfigLayer[]): string[] {
  const resolved = resolveConfig(layers);
  if (resolved.ok) return [];
  return resolved.failure.map(({ source, setting, problem }) => `${source}: ${setting}: ${problem}`);
}

function valuesOf(...layers: readonly ConfigLayer[]) {
  const resolved = resolveConfig(layers);
  if (!resolved.ok) throw new Error(describeProblems(resolved.failure));
  return resolved.value;
}

describe("the configuration", () => {
  it("has a default for everything and is frozen", () => {
    const config = valuesOf();

    expect(config).toMatchObject({
      tcpPort: 8765,
      httpPort: 8766,
      tcpAuth: "token",
      labelPrefix: "hydraflow",
      maxWorkers: 2,
      mergeWithoutChecks: false,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it("lets each higher layer win", () => {
    const layers = [
      layer("machine", { maxWorkers: 3 }),
      layer("repository", { maxWorkers: 4 }),
      layer("environment", { maxWorkers: 5 }),
      layer("command-line", { maxWorkers: 6 }),
    ];

    const seen = layers.map((_, index) => valuesOf(...layers.slice(0, index + 1)).maxWorkers);

    expect(seen).toEqual([3, 4, 5, 6]);
  });

  it("lets an explicit value win over a lower layer even when it equals the default", () => {
    expect(valuesOf(layer("machine", { maxWorkers: 9 }), layer("command-line", { maxWorkers: 2 })).maxWorkers).toBe(2);
  });

  it("reports every problem of every layer at once, with its source and what was given", () => {
    const problems = problemsOf(
      layer("machine", { maxWorkers: 0, unknown: 1 }),
      layer("repository", { tcpPort: 1 }),
      layer("environment", { gateTimeoutMs: "soon" }),
      layer("command-line", []),
    );

    expect(problems).toHaveLength(5);
    expect(problems[0]).toMatch(/^the machine: maxWorkers: .*; got 0$/);
    expect(problems[1]).toMatch(/^the machine: unknown: unknown setting/);
    expect(problems[2]).toMatch(/^the repository: tcpPort: may only be set by the machine's operator/);
    expect(problems[3]).toMatch(/^the environment: HYDRAFLOW_GATE_TIMEOUT_MS: .*; got "soon"$/);
    expect(problems[4]).toBe("the command-line: (file): must be one JSON object");
  });

  it.each(Object.keys(machineSettings))("does not let a repository set %s of the machine", (setting) => {
    expect(problemsOf(layer("repository", { [setting]: 1 }))).toHaveLength(1);
  });

  it("names no setting twice", () => {
    expect(SETTINGS).toHaveLength(Object.keys(machineSettings).length + Object.keys(repositorySettings).length);
    expect(new Set(SETTINGS.map(environmentName)).size).toBe(SETTINGS.length);
  });

  it.each([null, "text", 1, [1], undefined])("refuses %j as a layer", (values) => {
    expect(problemsOf(layer("machine", values))).toEqual(["the machine: (file): must be one JSON object"]);
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("takes %s for an unknown setting", (name) => {
    const values: unknown = JSON.parse(`{"${name}":{"maxWorkers":5}}`);

    expect(problemsOf(layer("machine", values))[0]).toContain("unknown setting");
    expect(valuesOf().maxWorkers).toBe(2);
  });

  it("refuses values that are there but empty", () => {
    expect(problemsOf(layer("machine", { maxWorkers: null }))).toHaveLength(1);
    expect(problemsOf(layer("machine", { agentModel: undefined }))).toEqual([
      "the machine: agentModel: must have a value; got undefined",
    ]);
  });
});

describe("the environment", () => {
  it("is read by the type of each setting", () => {
    const read = environmentLayer({
      HYDRAFLOW_MAX_WORKERS: "4",
      HYDRAFLOW_MERGE_WITHOUT_CHECKS: "true",
      HYDRAFLOW_GIT_AUTHOR_NAME: "42",
      HYDRAFLOW_AGENT_ENVIRONMENT: "ONE_KEY, OTHER_KEY",
      HYDRAFLOW_TCP_AUTH: "none",
    });

    expect(valuesOf(read)).toMatchObject({
      maxWorkers: 4,
      mergeWithoutChecks: true,
      gitAuthorName: "42",
      agentEnvironment: ["ONE_KEY", "OTHER_KEY"],
      tcpAuth: "none",
    });
  });

  it.each(["...", "<>", "a\u0000b", "a\nb"])("names no author %j, in whose name git makes no commit", (name) => {
    expect(problemsOf(environmentLayer({ HYDRAFLOW_GIT_AUTHOR_NAME: name }))).toHaveLength(1);
  });

  it("checks ranges as every layer does", () => {
    const problems = problemsOf(
      environmentLayer({
        HYDRAFLOW_MAX_WORKERS: "99",
        HYDRAFLOW_POLL_INTERVAL_MS: "0",
        HYDRAFLOW_TCP_PORT: "1.5",
        HYDRAFLOW_MERGE_WITHOUT_CHECKS: "yes",
      }),
    );

    expect(problems.map((problem) => problem.split(": ")[1] ?? "").toSorted()).toEqual([
      "HYDRAFLOW_MAX_WORKERS",
      "HYDRAFLOW_MERGE_WITHOUT_CHECKS",
      "HYDRAFLOW_POLL_INTERVAL_MS",
      "HYDRAFLOW_TCP_PORT",
    ]);
  });

  it("reports a variable with our prefix that is no setting, and reads no others", () => {
    const read = environmentLayer({
      HYDRAFLOW_MAX_WORKER: "4",
      MAX_WORKERS: "7",
      PATH: "/bin",
      HYDRAFLOW_HOME: "/x",
      HYDRAFLOW_UNSET: undefined,
    });

    expect(problemsOf(read)).toEqual([expect.stringMatching(/^environment: HYDRAFLOW_MAX_WORKER: unknown setting/)]);
  });
});
