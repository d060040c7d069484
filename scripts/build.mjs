// The build bundles what ships: one minified ES module per process entry, split at import(), so that a process loads
// only what it needs now. Every output lies flat in dist/, so `new URL("./worker.js", import.meta.url)` holds in any
// chunk.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./runtime.mjs";

const ENTRIES = {
  cli: "src/cli/main.ts",
  program: "src/cli/program/main.ts",
  daemon: "src/daemon/main.ts",
  worker: "src/worker/main.ts",
  demo: "src/demo/main.ts",
  forge: "src/forge/main.ts",
  "demo-agent": "src/demo/agent/main.ts",
};

/** CommonJS dependencies call `require` for Node's own modules, which an ES module does not have. */
const REQUIRE_BANNER =
  'import{createRequire as hydraflowCreateRequire}from"node:module";const require=hydraflowCreateRequire(import.meta.url);';

/**
 * The sources take zod from core/base/schema.ts, which sets it up. The bundler keeps all of a namespace that is handed
 * on like that, 450 kB with every locale; it keeps only what is used of a namespace that a file imports itself.
 */
function importZodByName(source) {
  return source.replace(/^import \{ z \} from ("[^"]*\/schema\.ts");$/m, 'import * as z from "zod/mini"; import $1;');
}

/**
 * Making a schema changes nothing, so a bundle may leave out a schema that it does not use; the bundler cannot know
 * that of `check`. A schema ends at the first semicolon that no indented line follows: one with a function in it has
 * others.
 */
function markSchemasPure(source) {
  const schema = /^((?:export )?const \w+ = )(z\.[\s\S]*?);$(?!\n+[ \t])/gm;
  return source.replace(schema, "$1/* @__PURE__ */ (() => $2)();");
}

/** Node has not loaded these modules when a program begins; each costs a start from half a millisecond to three. */
const LATE = new Set(
  ["assert", "crypto", "dns", "fs/promises", "http", "os", "timers/promises", "worker_threads", "zlib"].map(
    (name) => `node:${name}`,
  ),
);

/**
 * Named imports of Node's modules become reads of these names alone, where they are used at all: `importNodeLazily`
 * alone would copy every name of the module, in every file again. A name that is global anyway needs no module, and a
 * function of a module that would have to be loaded for it is read when it is called.
 */
function readNodeByName(source) {
  return source.replace(/^import \{([^}]*)\} from ["']((?:node:)?[a-z_/]+)["'];?$/gms, (statement, names, path) => {
    if (!isBuiltin(path)) return statement;
    const module = path.replace(/^(?:node:)?/, "node:");
    const reads = names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && !name.startsWith("type "))
      .map((name) => name.split(" as "))
      .filter(([name, alias]) => alias !== undefined || !isGlobal(module, name))
      .map(([name, alias = name]) => {
        const read = `process.getBuiltinModule("${module}").${name}`;
        // The bundler would take a name with a capital for a class.
        return LATE.has(module) && /^[a-z]/.test(name) && typeof require(module)[name] === "function"
          ? `let ${alias}Late; const ${alias} = (...given) => (${alias}Late ??= ${read})(...given);`
          : `const ${alias} = /* @__PURE__ */ (() => ${read})();`;
      });
    return reads.join(" ") + "\n".repeat(statement.split("\n").length - 1);
  });
}

function isGlobal(module, name) {
  return name in globalThis && require(module)[name] === globalThis[name];
}

/**
 * What an entry loads at once becomes one file. Without this, modules that it shares with what it loads later are split
 * by who shares them, into some twenty files that each cost a start a millisecond. So whatever is loaded later is told
 * to import all that the entry imports, which has been loaded by then.
 */
function keepStartTogether(entry) {
  const imports = [...readFileSync(join(root, entry), "utf8").matchAll(/^import (?!type ).*?from "(\.[^"]+)";$/gms)];
  const early = imports.map(([, path]) => join(root, dirname(entry), path));
  const later = new Set();
  return {
    name: "keep-start-together",
    setup(build) {
      build.onResolve({ filter: /^\..*\.ts$/ }, ({ path, resolveDir, kind }) => {
        if (kind === "dynamic-import") later.add(join(resolveDir, path));
      });
      build.onLoad({ filter: /\.(?:ts|m?js)$/ }, ({ path }) => {
        const contents = readNodeByName(importZodByName(markSchemasPure(readFileSync(path, "utf8"))));
        const start = later.has(path) ? early.map((each) => `import ${JSON.stringify(each)};`).join("") : "";
        return { contents: `${contents}\n${start}`, loader: path.endsWith(".ts") ? "ts" : "js" };
      });
    },
  };
}

/**
 * An ES import of a module of Node reads every one of its exports, also those that load something when they are read:
 * `node:http` brings all of fetch that way, 15 MiB and 20 ms that an idle worker never needs. As CommonJS an export is
 * read when it is used.
 */
const importNodeLazily = {
  name: "import-node-lazily",
  setup(build) {
    build.onResolve({ filter: /^[a-z:_/0-9]+$/ }, ({ path }) =>
      isBuiltin(path) ? { path: path.replace(/^(?:node:)?/, "node:"), namespace: "node" } : undefined,
    );
    build.onLoad({ filter: /^node:/, namespace: "node" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * These libraries cost a start more than all else it needs, and are called later or not at all: what yargs lays out
 * help with compiles patterns for every emoji, and a worker is ready before it has anything to log. They are evaluated
 * when they are called.
 */
const evaluateAtFirstCall = {
  name: "evaluate-at-first-call",
  setup(build) {
    build.onResolve({ filter: /^(?:cliui|string-width|pino)$/ }, ({ path, importer, resolveDir, kind }) =>
      kind === "import-statement" && (path === "pino" || importer.includes("/yargs/"))
        ? { path, namespace: "at-first-call", pluginData: resolveDir }
        : undefined,
    );
    build.onLoad({ filter: /^/, namespace: "at-first-call" }, ({ path, pluginData }) => {
      const call = (name) => `(...given) => require(${JSON.stringify(path)}).${name}(...given)`;
      const contents = path === "pino" ? `exports.pino = ${call("pino")};` : `module.exports = ${call("default")};`;
      return { contents, resolveDir: pluginData };
    });
  },
};

/**
 * Each entry is a bundle of its own: split among all, what they share falls into some thirty small files, and each
 * costs a worker a millisecond of its start. Where one entry calls another, it imports that one's bundle.
 */
const importEntriesAsBuilt = {
  name: "import-entries-as-built",
  setup(build) {
    build.onResolve({ filter: /\/main\.ts$/ }, ({ path, resolveDir, kind }) => {
      const source = relative(root, join(resolveDir, path));
      const entry = Object.keys(ENTRIES).find((name) => ENTRIES[name] === source);
      return kind === "dynamic-import" && entry !== undefined ? { path: `./${entry}.js`, external: true } : undefined;
    });
  },
};

const require = createRequire(import.meta.url);
const dist = join(root, "dist");
const marker = join(dist, ".sources");

/** Builds when the sources differ from those of the last build; returns whether it did. */
export async function buildIfStale() {
  const sources = hashOfSources();
  if (isBuiltFrom(sources)) return false;
  const { build } = await import("esbuild");
  const fresh = join(root, `dist.${process.pid}`);
  try {
    await Promise.all(Object.entries(ENTRIES).map(([name, path]) => build(buildOptions({ [name]: path }, fresh))));
    writeFileSync(join(fresh, ".sources"), sources);
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
  } catch (error) {
    // Another build of the same sources was faster; its result is as good as ours.
    if (!isBuiltFrom(sources)) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return true;
}

function isBuiltFrom(sources) {
  return existsSync(marker) && readFileSync(marker, "utf8") === sources;
}

function buildOptions(entryPoints, outdir) {
  return {
    absWorkingDir: root,
    entryPoints,
    outdir,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // A command lives for a tenth of a second and needs a little of everything: in one file all of that is read at
    // once, and evaluated when it is imported.
    splitting: !("program" in entryPoints),
    // Names stay as they are written: error classes take theirs from the class, and an operator's stack trace should be
    // readable. Short names with the old ones put back at run time (keepNames) cost every function that is made, also
    // those of each request.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: "linked",
    sourcesContent: false,
    chunkNames: "[name]-[hash]",
    legalComments: "none",
    banner: "program" in entryPoints ? { js: REQUIRE_BANNER } : {},
    plugins: [
      importNodeLazily,
      evaluateAtFirstCall,
      importEntriesAsBuilt,
      keepStartTogether(Object.values(entryPoints)[0]),
    ],
    logLevel: "warning",
  };
}

function hashOfSources() {
  const hash = createHash("sha256");
  const add = (path) =>
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  for (const path of ["package.json", "package-lock.json", "tsconfig.json", "scripts/build.mjs"]) add(path);
  for (const path of filesBelow("src")) add(path);
  return hash.digest("hex");
}

function filesBelow(directory) {
  return readdirSync(join(root, directory), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${directory}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write((await buildIfStale()) ? "built dist/\n" : "dist/ is up to date\n");
}
