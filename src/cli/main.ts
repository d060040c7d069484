// The process entry of `hydraflow`. It finds what V8 compiled the last time before anything has to be compiled; a
// daemon hands that on to its workers.

import { enableCompileCache } from "node:module";

import { compileCacheDirectory } from "../core/processes/compile-cache.ts";

const directory = compileCacheDirectory(process.env, process.geteuid?.());
if (directory !== undefined) {
  process.env["NODE_COMPILE_CACHE"] = directory;
  enableCompileCache(directory);
}
await import("./program/main.ts");
