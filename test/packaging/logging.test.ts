// What we ship for aggregators names the files as the program writes them, and the page says the bounds that hold.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { matchesGlob } from "node:path";

import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { openLog } from "../../src/core/logs/log.ts";
import { supervisorPaths, workerPaths } from "../../src/core/files/paths.ts";
import { Redactor } from "../../src/core/logs/redact.ts";
import { TRANSCRIPTS_BYTES_MAX, TRANSCRIPTS_COUNT_MAX } from "../../src/worker/agent/process/transcript-keeper.ts";
import { until } from "../daemon/daemon-rig.ts";
import { makeTemporaryDirectory } from "../support/temporary-directory.ts";

/** A record takes so many bytes of 16,384 characters in UTF-8. */
const RECORD_BYTES_MAX = 4 * 16_384;
const RECORDS = 90;

interface VectorFile {
  readonly sources: {
    readonly hydraflow_files: {
      readonly type: string;
      readonly include: readonly string[];
      readonly fingerprint: { readonly strategy: string };
      readonly max_line_bytes: number;
    };
  };
  readonly transforms: { readonly hydraflow: { readonly inputs: readonly string[]; readonly source: string } };
}

interface FluentBitFile {
  readonly parsers: readonly object[];
  readonly pipeline: {
    readonly inputs: readonly {
      readonly name: string;
      readonly path: string;
      readonly parser: string;
      readonly tag_regex?: string;
    }[];
  };
}

interface PromtailFile {
  readonly scrape_configs: readonly {
    readonly static_configs: readonly { readonly labels: Readonly<Record<string, string>> }[];
    readonly pipeline_stages: readonly object[];
  }[];
}

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const inputs = readdirSync(new URL("packaging/logging/", root)).filter((name) => name !== "README.md");

test.each(inputs)("%s reads the log of every worker and of the supervisor", (name) => {
  const text = read(`packaging/logging/${name}`);

  expect(text).toContain(workerPaths("/var/lib/hydraflow/*").logFile);
  expect(text).toContain(supervisorPaths("/var/lib/hydraflow").logFile);
});

describe("a shipped input that we cannot run, read as its program reads it,", () => {
  const worker = workerPaths("/var/lib/hydraflow/acme-web").logFile;
  const rotated = worker.replace("worker.log", "worker.1.log");
  const supervisor = supervisorPaths("/var/lib/hydraflow").logFile;

  test("lets Vector follow every file of a log by its content, and take the slug from the path", () => {
    const { sources, transforms } = parse(read("packaging/logging/vector.yaml")) as VectorFile;
    const { include, type, fingerprint, max_line_bytes: lineBytesMax } = sources.hydraflow_files;
    const slugOf = /r'([^']+)'/.exec(transforms.hydraflow.source)?.[1] ?? "";

    expect([type, fingerprint.strategy]).toEqual(["file", "checksum"]);
    expect(transforms.hydraflow.inputs).toEqual(Object.keys(sources));
    for (const path of [worker, rotated, supervisor])
      expect(include.filter((glob) => isMatch(glob, path))).toHaveLength(1);
    for (const path of [worker, rotated]) expect(slugIn(slugOf, path)).toBe("acme-web");
    expect(slugIn(slugOf, supervisor)).toBeUndefined();
    expect(lineBytesMax).toBeGreaterThanOrEqual(RECORD_BYTES_MAX);
    expect(transforms.hydraflow.source).toContain("parse_timestamp(.ts,");
  });

  test("lets Fluent Bit follow the current file alone, with our time and the slug as its tag", () => {
    const { parsers, pipeline } = parse(read("packaging/logging/fluent-bit.yaml")) as FluentBitFile;
    const [workers, daemon] = pipeline.inputs;

    expect(pipeline.inputs.map(({ name }) => name)).toEqual(["tail", "tail"]);
    expect([isMatch(workers?.path, worker), isMatch(workers?.path, rotated)]).toEqual([true, false]);
    expect(daemon?.path).toBe(supervisor);
    expect(slugIn(workers?.tag_regex ?? "", worker)).toBe("acme-web");
    expect(parsers).toMatchObject([{ name: workers?.parser, format: "json", time_key: "ts" }]);
  });

  test("lets Promtail follow the current file alone, labelled by path and level", () => {
    const [job] = (parse(read("packaging/logging/promtail.yaml")) as PromtailFile).scrape_configs;
    const paths = job?.static_configs.map(({ labels }) => labels["__path__"]) ?? [];
    const stages = Object.assign({}, ...(job?.pipeline_stages ?? [])) as Record<string, Record<string, unknown>>;

    expect(paths.map((path) => [worker, rotated, supervisor].filter((file) => isMatch(path, file)))).toEqual([
      [worker],
      [supervisor],
    ]);
    expect(slugIn(String(stages["regex"]?.["expression"]), worker)).toBe("acme-web");
    expect(stages["json"]).toEqual({ expressions: { level: "level", ts: "ts" } });
    expect(Object.keys(stages["labels"] ?? {})).toEqual(["repo", "level"]);
    expect(stages["timestamp"]).toEqual({ source: "ts", format: "RFC3339Nano" });
  });

  test("lets Alloy follow the same as Promtail", () => {
    const text = read("packaging/logging/config.alloy");
    const paths = [...text.matchAll(/"__path__" = "([^"]+)"/g)].map(([, path = ""]) => path);
    const slugOf = /expression = ("[^\n]+")/.exec(text)?.[1] ?? '""';

    expect(paths.map((path) => [worker, rotated, supervisor].filter((file) => isMatch(path, file)))).toEqual([
      [worker],
      [supervisor],
    ]);
    expect(slugIn(JSON.parse(slugOf) as string, worker)).toBe("acme-web");
    expect(text).toContain('expressions = {level = "", ts = ""}');
    expect(text).toContain('values = {repo = "", level = ""}');
  });
});

test("tail -F shows every record once and in order, over rotations", async () => {
  await using directory = await makeTemporaryDirectory();
  const file = directory.file("worker.log");
  const log = openLog({
    file,
    bytesMax: 300,
    filesMax: 80,
    redactor: new Redactor([]),
    fields: { repo: "acme-web" },
  });
  log.write("info", "record", { number: 0 });
  const tail = spawn("tail", ["-n", "+1", "-s", "0.05", "-F", file], { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  tail.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const shown = (): number[] =>
    output
      .split("\n")
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { number: number }).number);
  await until("the first record", () => shown().length === 1);

  for (let number = 1; number < RECORDS; number += 1) {
    log.write("info", "record", { number });
    if (number % 3 === 0) await until(`record ${number}`, () => shown().length === number + 1);
  }
  await until("the last record", () => shown().length >= RECORDS);
  tail.kill();
  await once(tail, "close");
  await log[Symbol.asyncDispose]();

  expect(shown()).toEqual(Array.from({ length: RECORDS }, (_, number) => number));
  expect(readdirSync(directory.path).length).toBeGreaterThan(5);
});

test("the folder's page has a line for every input", () => {
  const page = read("packaging/logging/README.md");

  expect(inputs.length).toBeGreaterThan(0);
  expect(inputs.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
});

test("the operations page says how much the transcripts of a repository may take", () => {
  const page = read("docs/operations.md").replaceAll("\n", " ");

  expect(page).toContain(
    `${TRANSCRIPTS_BYTES_MAX / 1_048_576} MiB and ${TRANSCRIPTS_COUNT_MAX.toLocaleString("en")} files per repository`,
  );
});

function isMatch(glob: string | undefined, path: string): boolean {
  return matchesGlob(path, glob ?? "");
}

/** Gives what a pattern of theirs, written for RE2 or Onigmo, names as the slug. */
function slugIn(pattern: string, path: string): string | undefined {
  const groups = new RegExp(pattern.replace("(?P<", "(?<")).exec(path)?.groups ?? {};
  return groups["slug"] ?? groups["repo"];
}
