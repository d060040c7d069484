// Debian's Prometheus scrapes the built daemon while it works, and its own tools check what we ship for it.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { beforeAll, expect, test } from "vitest";

import { type Forge, startForge } from "../../src/forge/forge.ts";
import { type DaemonRig, until } from "../support/daemon-rig.ts";
import { debianProgram, freePort, RunningProgram, runProgram } from "../support/debian-program.ts";
import { makeTemporaryDirectory } from "../support/temporary-directory.ts";
import { addClone, startObserved } from "./observed-daemon.ts";

const NAMES = ["web", "api"];
const MANIFEST = '{"type":"module","scripts":{"test":"node --test"}}\n';
const packaging = (path: string): string => fileURLToPath(new URL(`../../packaging/${path}`, import.meta.url));

let promtool: string;
let prometheus: string;

beforeAll(() => {
  promtool = debianProgram("promtool", "prometheus");
  prometheus = debianProgram("prometheus", "prometheus");
});

test("the alert rules are well formed and fire exactly when they should", async () => {
  const checked = await runProgram(promtool, ["check", "rules", packaging("prometheus/hydraflow.rules.yml")]);
  const tested = await runProgram(promtool, ["test", "rules", packaging("prometheus/hydraflow.rules.test.yml")]);
  const configured = await runProgram(promtool, [
    "check",
    "config",
    "--syntax-only",
    packaging("prometheus/prometheus.yml"),
  ]);

  expect(checked, checked.output).toMatchObject({ code: 0 });
  expect(tested, tested.output).toMatchObject({ code: 0 });
  expect(configured, configured.output).toMatchObject({ code: 0 });
});

test("a real Prometheus scrapes the daemon, and finds every figure of the alerts and of the dashboard", async () => {
  await using world = await makeTemporaryDirectory();
  await using forge = await startForge({ port: 0, dataDir: join(world.path, "forge"), ci: { command: "node --test" } });
  await using rig = await startObserved(forge, world.path, {
    pollIntervalMs: 300,
    ciPollIntervalMs: 300,
    minPlanWords: 50,
  });
  for (const name of NAMES) await addRepository(rig, forge, world.path, name);
  await until(() => forge.issue("acme/web", 1).labels.includes("hydraflow-fixed"), "the issue is fixed");
  await until(
    async () =>
      (await scrape(rig)).includes('hydraflow_runs_total{repo="acme-web",stage="review",outcome="close"} 1\n'),
    "the last run is counted",
  );
  await rig.http("POST", "/api/repos/acme-api/stop");

  const text = await scrape(rig);
  const checked = await runProgram(promtool, ["check", "metrics"], text);
  expect(checked, checked.output).toEqual({ code: 0, output: "" });

  await using server = await startPrometheus(rig, world.path);
  expect(await server.value('hydraflow_worker_up{repo="acme-web"}')).toBe(1);
  expect(await server.value('hydraflow_worker_up{repo="acme-api"}')).toBe(0);
  expect(await server.value('hydraflow_worker_wanted{repo="acme-api"}')).toBe(0);
  expect(await server.value('hydraflow_workers{state="running"}')).toBe(1);
  expect(
    await server.value('sum(hydraflow_runs_total{repo="acme-web",outcome=~"advance|close"})'),
  ).toBeGreaterThanOrEqual(4);
  expect(
    await server.value('hydraflow_run_duration_seconds_count{repo="acme-web",stage="implement"}'),
  ).toBeGreaterThanOrEqual(1);
  expect(await server.value('hydraflow_agent_turns_total{repo="acme-web",outcome="completed"}')).toBeGreaterThanOrEqual(
    3,
  );
  expect(
    await server.value(
      'hydraflow_github_budget_remaining{repo="acme-web"} / hydraflow_github_budget_limit{repo="acme-web"}',
    ),
  ).toBeGreaterThan(0.5);
  expect(await server.value("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
  expect(await server.values("hydraflow_runs_total{repo='acme-api'}")).toEqual([]);

  const names = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? ""));
  expect(await server.ruleHealth()).toEqual(["ok"]);
  const rules = await readFile(packaging("prometheus/hydraflow.rules.yml"), "utf8");
  expect(unknownMetrics(rules, names)).toEqual([]);
  const dashboard = await dashboardExpressions();
  expect(dashboard.length).toBeGreaterThan(20);
  for (const expression of dashboard) {
    expect(unknownMetrics(expression, names), expression).toEqual([]);
    await server.values(expression);
  }
  const manual = await readFile(packaging("prometheus/README.md"), "utf8");
  expect([...names].filter((name) => !manual.includes(name) && !name.startsWith("hydraflow_github_budget_"))).toEqual(
    [],
  );
});

async function addRepository(rig: DaemonRig, forge: Forge, directory: string, name: string): Promise<void> {
  await forge.createRepository({ owner: "acme", name, files: { "package.json": MANIFEST, "README.md": `${name}\n` } });
  const code = `\`\`\`js file=src/answer.js\nexport const answer = '${name}';\n\`\`\`\n`;
  const check = `\`\`\`js file=test/answer.test.js\nimport assert from 'node:assert/strict';\nimport { test } from 'node:test';\nimport { answer } from '../src/answer.js';\ntest('answers', () => assert.equal(answer, '${name}'));\n\`\`\`\n`;
  await forge.createIssue(`acme/${name}`, {
    title: `Let ${name} answer with its name`,
    body: `Every service must say who it is when it is asked.\n\n${code}\n${check}`,
    labels: ["hydraflow-find"],
  });
  await addClone(rig, forge, directory, name);
}

async function scrape(rig: DaemonRig): Promise<string> {
  return String((await rig.http("GET", "/metrics")).body["text"]);
}

class PrometheusServer implements AsyncDisposable {
  readonly #port: number;
  readonly #program: RunningProgram;

  constructor(port: number, program: RunningProgram) {
    this.#port = port;
    this.#program = program;
  }

  async isScraping(): Promise<boolean> {
    this.#program.assertRunning();
    const samples = await this.values('up{job="hydraflow"}').catch(() => []);
    return samples[0] === 1;
  }

  /** Gives a value for every series of the expression. Throws where Prometheus does not understand it. */
  async values(expression: string): Promise<number[]> {
    const { data } = (await this.#ask(`query?query=${encodeURIComponent(expression)}`)) as {
      data: { result: { value: [number, string] }[] };
    };
    return data.result.map(({ value }) => Number(value[1]));
  }

  async value(expression: string): Promise<number | undefined> {
    const values = await this.values(expression);
    if (values.length > 1) throw new Error(`${expression} gives ${values.length} series`);
    return values[0];
  }

  /** Gives the different healths of our rules, once each was evaluated. */
  async ruleHealth(): Promise<string[]> {
    let healths: string[] = ["unknown"];
    await until(async () => {
      const { data } = (await this.#ask("rules")) as { data: { groups: { rules: { health: string }[] }[] } };
      healths = data.groups.flatMap(({ rules }) => rules.map(({ health }) => health));
      return !healths.includes("unknown");
    }, "every rule is evaluated");
    return [...new Set(healths)];
  }

  async #ask(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/api/v1/${path}`);
    const body: unknown = await response.json();
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(body)}`);
    return body;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}

/** Starts Prometheus with the configuration that we ship, but for the places of a test. */
async function startPrometheus(rig: DaemonRig, directory: string): Promise<PrometheusServer> {
  const shipped = await readFile(packaging("prometheus/prometheus.yml"), "utf8");
  const config = shipped
    .replace("/etc/prometheus/hydraflow-token", rig.paths.metricsToken)
    .replace("127.0.0.1:8766", `127.0.0.1:${await rig.port("httpPort")}`)
    .replace("scrape_interval: 30s", "scrape_interval: 1s")
    .replace("scrape_timeout: 10s", "scrape_timeout: 1s")
    .replace("  - hydraflow.rules.yml", `  - ${packaging("prometheus/hydraflow.rules.yml")}`);
  const file = join(directory, "prometheus.yml");
  await writeFile(file, `global:\n  evaluation_interval: 1s\n${config}`);
  const port = await freePort();
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(directory, "tsdb")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const server = new PrometheusServer(port, new RunningProgram(prometheus, args));
  await until(() => server.isScraping(), "Prometheus scrapes the daemon");
  return server;
}

/** Gives every query of the dashboard, as Grafana would send it. */
async function dashboardExpressions(): Promise<string[]> {
  const { panels } = JSON.parse(await readFile(packaging("grafana/hydraflow.json"), "utf8")) as {
    panels: { targets: { expr: string }[] }[];
  };
  return panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll("$repo", ".*").replaceAll("$__rate_interval", "4m")),
  );
}

function unknownMetrics(text: string, names: ReadonlySet<string>): string[] {
  const mentioned = [...text.matchAll(/\b(?:hydraflow|process|nodejs)_[a-z_]+/g)].map(([name]) =>
    name.replace(/_(?:bucket|sum|count)$/, ""),
  );
  return mentioned.filter((name) => !names.has(name));
}
