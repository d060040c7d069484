// The Debian package is built with Debian's own dpkg-deb: the bundles, the pinned Node and the systemd unit below
// /usr/lib/hydraflow, ready to run without npm. It runs on the pinned Node, since it reads the unit's template from the
// sources: `node_modules/.bin/node scripts/build-deb.mjs [directory] [version]` prints the package's path.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { LINUX_PATH, SYSTEM_HOME } from "../src/cli/service/service-layout.ts";
import { systemdUnit } from "../src/cli/service/systemd-unit.ts";
import { buildIfStale } from "./build.mjs";
import { pinnedRuntime, root } from "./runtime.mjs";

const PROGRAM = "/usr/lib/hydraflow";
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" };
const GZIP = { level: 9 };

async function main([directory = "dist", version]) {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const architecture = ARCHITECTURES[process.arch];
  const runtime = pinnedRuntime();
  if (process.platform !== "linux" || architecture === undefined || runtime === undefined) {
    throw new Error("a package is built on Linux, on x64 or arm64, after npm run setup");
  }
  await buildIfStale();
  const facts = { version: `${version ?? manifest.version}-1`, architecture };
  const staging = mkdtempSync(join(tmpdir(), "hydraflow-deb-"));
  try {
    chmodSync(staging, 0o755);
    fill(staging, runtime, facts);
    mkdirSync(directory, { recursive: true });
    const target = join(directory, `hydraflow_${facts.version}_${architecture}.deb`);
    execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z4", "--build", staging, target], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return target;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function fill(staging, runtime, { version, architecture }) {
  const at = (path) => {
    const full = join(staging, path);
    mkdirSync(dirname(full), { recursive: true, mode: 0o755 });
    return full;
  };
  for (const name of readdirSync(join(root, "dist")).filter((file) => /\.(?:js|map)$/.test(file))) {
    put(at(`${PROGRAM}/dist/${name}`), readFileSync(join(root, "dist", name)));
  }
  put(at(`${PROGRAM}/bin/hydraflow`), readFileSync(join(root, "bin/hydraflow")), 0o755);
  put(at(`${PROGRAM}/package.json`), readFileSync(join(root, "package.json")));
  cpSync(runtime, at(join(PROGRAM, relative(root, runtime))));
  symlinkSync(`../lib/hydraflow/bin/hydraflow`, at("/usr/bin/hydraflow"));
  const documents = "/usr/share/doc/hydraflow";
  for (const page of readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md")))
    put(at(`${documents}/${page}`), readFileSync(join(root, "docs", page)));
  put(at(`${documents}/copyright`), fromTemplate("copyright", { LICENSE: licence() }));
  put(at(`${documents}/changelog.Debian.gz`), gzipSync(changelog(version), GZIP));
  put(at("/usr/lib/systemd/system/hydraflow.service"), unit());
  put(at("/usr/share/lintian/overrides/hydraflow"), fromTemplate("lintian-overrides", {}));
  const size = Math.ceil(sizeOf(staging) / 1_024);
  const control = { VERSION: version, ARCHITECTURE: architecture, INSTALLED_SIZE: String(size) };
  put(at("DEBIAN/control"), fromTemplate("control", control));
  for (const script of ["postinst", "prerm", "postrm"]) put(at(`DEBIAN/${script}`), fromTemplate(script, {}), 0o755);
}

function unit() {
  const program = [`${PROGRAM}/bin/hydraflow`];
  const documentation = "file:///usr/share/doc/hydraflow/operations.md";
  return systemdUnit({ scope: "system", program, home: SYSTEM_HOME, path: LINUX_PATH, documentation });
}

function fromTemplate(name, values) {
  const text = readFileSync(join(root, "packaging/debian", name), "utf8");
  return text.replace(/@([A-Z_]+)@/g, (_, key) => values[key]);
}

/** The field's format wants one blank before each line, and a dot for an empty one. */
function licence() {
  const text = readFileSync(join(root, "LICENSE"), "utf8").trim();
  return `License: Expat\n${text
    .split("\n")
    .map((line) => ` ${line === "" ? "." : line}`)
    .join("\n")}`;
}

function changelog(version) {
  const date = new Date(statSync(join(root, "CHANGELOG.md")).mtimeMs).toUTCString().replace("GMT", "+0000");
  return `hydraflow (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md of the project.\n\n -- HydraFlow contributors <hydraflow@users.noreply.github.com>  ${date}\n`;
}

function put(path, content, mode = 0o644) {
  writeFileSync(path, content);
  chmodSync(path, mode);
}

function sizeOf(path) {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (facts === undefined || !existsSync(path)) return 0;
  if (!facts.isDirectory()) return facts.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

main(process.argv.slice(2)).then(
  (path) => process.stdout.write(`${path}\n`),
  (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  },
);
