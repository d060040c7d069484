// The operator's contract is code: what the pages and the service files say is compared with the tables in core.

import { existsSync, readdirSync, readFileSync } from "node:fs";

import { expect, test } from "vitest";
import { toJSONSchema } from "zod";

import { SENTENCES } from "../src/core/checkout/checkout-problem.ts";
import { lfsMissing } from "../src/core/checkout/lfs.ts";
import { configSchema, environmentName, machineSettings, type Setting } from "../src/core/config/config.ts";
import { resolveConfig } from "../src/core/config/config-layers.ts";
import { SETTING_DESCRIPTIONS } from "../src/core/config/setting-descriptions.ts";
import {
  CONTROL_ACTIONS,
  DEFAULT_HTTP_PORT,
  DEFAULT_TCP_PORT,
  LINE_BYTES_MAX,
} from "../src/core/messages/control-message.ts";
import { EXIT_CODES } from "../src/core/base/exit-code.ts";
import { LABELS, labelName } from "../src/core/domain/stage.ts";
import { CONTROL_CODES } from "../src/core/messages/supervisor-control.ts";

const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

test("the page on repositories has every sentence that refuses one", () => {
  const [path, place, words] = ["<path>", "<place>", "<words>"];
  const rows = tableAfter(read("docs/repositories.md"), "## Refused, with the sentence");
  const wanted = [
    SENTENCES.none(path),
    SENTENCES.bare(path),
    SENTENCES.noFiles(path, place),
    SENTENCES.dangling(path, place),
    SENTENCES.config(place),
    SENTENCES.noGit(),
    SENTENCES.otherUser(path).replace("'<path>'", path),
    SENTENCES.extension(path, words),
    SENTENCES.refused(path, words),
    SENTENCES.late(path),
    SENTENCES.encrypted(path, "git-crypt"),
    SENTENCES.unreadable(place),
    SENTENCES.readOnly(place),
    lfsMissing(path),
  ];
  expect(rows.map(([, sentence]) => sentence)).toEqual(wanted.map((sentence) => `\`${sentence}\``));
  expect(wanted).toHaveLength(Object.keys(SENTENCES).length + 1);
});

test("the operations page lists every exit code as the program means it", () => {
  const rows = tableAfter(read("docs/operations.md"), "## Exit codes");
  const wanted = Object.values(EXIT_CODES).map(({ code, meaning, restart }) => [
    String(code),
    meaning,
    restart ? "yes" : "no",
  ]);
  expect(rows).toEqual(wanted);
});

test("the operations page lists every setting with its default, who may set it, and what it means", () => {
  const defaults = resolveConfig([]);
  if (!defaults.ok) throw new Error("the defaults are not valid");
  const values: Record<string, unknown> = { ...defaults.value };
  const wanted = Object.keys(configSchema.shape).map((setting) => [
    `\`${setting}\``,
    values[setting] === undefined ? "–" : `\`${JSON.stringify(values[setting])}\``,
    setting in machineSettings ? "machine" : "repository",
    `\`${environmentName(setting)}\``,
    SETTING_DESCRIPTIONS[setting as Setting],
  ]);
  expect(tableAfter(read("docs/operations.md"), "## Settings")).toEqual(wanted);
});

test("the sentence of a setting with a range names the range that is checked", () => {
  const { properties = {} } = toJSONSchema(configSchema, { io: "input" });
  const ranges = Object.entries(properties).flatMap(([setting, schema]) => {
    const { minimum, maximum = Number.MAX_SAFE_INTEGER } = schema as { minimum?: number; maximum?: number };
    return maximum < Number.MAX_SAFE_INTEGER ? [{ setting, range: `${minimum} to ${maximum}` }] : [];
  });
  expect(ranges.length).toBeGreaterThan(25);
  for (const { setting, range } of ranges) expect(SETTING_DESCRIPTIONS[setting as Setting]).toContain(range);
});

test("the operations page lists every label and the ports", () => {
  const page = read("docs/operations.md");
  const labels = tableAfter(page, "## Labels").map(([label]) => label);
  expect(labels).toEqual(Object.keys(LABELS).map((key) => `\`${labelName("hydraflow", key as keyof typeof LABELS)}\``));
  expect(tableAfter(page, "## Ports").map(([port]) => port)).toEqual([
    String(DEFAULT_TCP_PORT),
    String(DEFAULT_HTTP_PORT),
    "any free one per worker",
  ]);
});

test("the protocol page lists every action, every code and the line limit", () => {
  const page = read("docs/protocol.md");
  expect(tableAfter(page, "## Requests and replies").map(([action]) => action)).toEqual(
    CONTROL_ACTIONS.map((action) => `\`${action}\``),
  );
  expect(tableAfter(page, "## Codes")).toEqual(
    Object.entries(CONTROL_CODES).map(([code, { status, meaning }]) => [`\`${code}\``, String(status), meaning]),
  );
  expect(page).toContain(LINE_BYTES_MAX.toLocaleString("en"));
});

test("the dependencies page has a line for every runtime dependency and no other", () => {
  const manifest = JSON.parse(read("package.json")) as { dependencies: Record<string, string> };
  const listed = tableAfter(read("docs/dependencies.md"), "## Runtime").map(([name]) => name);
  expect(new Set(listed)).toEqual(new Set(Object.keys(manifest.dependencies).map((name) => `\`${name}\``)));
});

test("the systemd unit does not restart what a restart cannot mend", () => {
  const unit = read("packaging/systemd/hydraflow.service");
  const prevented = /^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1]?.split(" ").map(Number);
  const hopeless = Object.values(EXIT_CODES).filter(
    ({ code, restart }) => !restart && code !== 0 && code !== EXIT_CODES.noDaemon.code,
  );
  expect(prevented).toEqual(hopeless.map(({ code }) => code));
});

test("the page of complaints answers each of the fifteen with a source and a test or measurement that exists", () => {
  const rows = tableAfter(read("docs/supervisor-complaints.md"), "# What people complain about in supervisors");
  const sources = rows.map(([, reported = ""]) => reported.split(", "));
  const proofs = rows.map(([, , , shown = ""]) => [...shown.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path));

  expect(rows).toHaveLength(15);
  expect(sources.flat().filter((source) => !/^[\w.-]+\/[\w.-]+#\d+$/.test(source))).toEqual([]);
  expect(proofs.filter((paths) => !paths.some((path) => path.startsWith("test/")))).toEqual([]);
  expect(proofs.flat().filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
});

test("every fault that the page of complaints names is injected by a test that stands in its row", () => {
  const rows = tableAfter(read("docs/supervisor-complaints.md"), "# What people complain about in supervisors");
  const missing = rows.flatMap(([, , , shown = ""]) => {
    const tests = [...shown.matchAll(/`(test\/[^`]+)`/g)].map(([, path = ""]) => read(path)).join("\n");
    return [...(shown.split(":")[0] ?? "").matchAll(/F\d\d/g)].filter(([fault]) => !tests.includes(`"${fault} `));
  });
  expect(missing).toEqual([]);
});

test("the pages name and link files that are there, and a name before a file stands in that file", () => {
  const shelves = [
    ".",
    "docs",
    "docs/adr",
    "packaging/systemd",
    "packaging/launchd",
    "packaging/prometheus",
    "packaging/logging",
  ];
  const wrong = shelves.flatMap((shelf) =>
    readdirSync(new URL(`${shelf}/`, root))
      .filter((name) => name.endsWith(".md"))
      .flatMap((name) => wrongNamesIn(`${shelf}/${name}`).map((problem) => `${shelf}/${name}: ${problem}`)),
  );
  expect(wrong).toEqual([]);
});

/** The page on architecture writes paths of sources below `src/` or `src/worker/` without these. */
function wrongNamesIn(page: string): string[] {
  const text = read(page);
  const find = (path: string) => ["", "src/", "src/worker/"].map((base) => `${base}${path}`).find(isThere);
  const sources = text.matchAll(/(?:`([\w.#]+)` \()?`((?:[\w-]+\/)+[\w-]+\.(?:ts|mjs))`/g);
  const unnamed = [...sources].flatMap(([, word, path = ""]) => {
    const file = find(path);
    if (file === undefined) return [`${path} is not there`];
    const name = word?.split(".").at(-1);
    return name === undefined || new RegExp(`\\b${name}\\b`).test(read(file)) ? [] : [`${path} has no ${name}`];
  });
  const links = [...text.matchAll(/\]\(([^)#:]+)[^)]*\)/g)].map(([, target = ""]) => target);
  const dead = links.filter((target) => !isThere(`${page.replace(/[^/]*$/, "")}${target}`));
  return [...unnamed, ...dead.map((target) => `the link to ${target} leads nowhere`)];
}

function isThere(path: string): boolean {
  return existsSync(new URL(path, root));
}

/** Gives the cells of the first table behind a heading, without its head. */
function tableAfter(page: string, heading: string): string[][] {
  const section = page.slice(page.indexOf(`${heading}\n`) + heading.length);
  const rows = /(?:^\|.*\|\n)+/m.exec(section)?.[0].trim().split("\n") ?? [];
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}
