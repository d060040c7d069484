// The report names what was compared with what: without this no figure means anything.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { root } from "../scripts/runtime.mjs";

export function describeMachine() {
  return {
    hydraflow: JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version,
    commit: firstLine("git", ["-C", root, "rev-parse", "--short", "HEAD"]),
    node: process.versions.node,
    v8: process.versions.v8,
    git: firstLine("git", ["--version"]).replace("git version ", ""),
    kernel: `${process.platform} ${release()}`,
    cpu: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  };
}

function firstLine(program, args) {
  try {
    return execFileSync(program, args, { encoding: "utf8" }).split("\n", 1)[0].trim();
  } catch {
    return "unknown";
  }
}
