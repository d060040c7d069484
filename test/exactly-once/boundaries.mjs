// Loaded into the worker before anything else: names each boundary that the worker passes on its way to GitHub, to git's
// remote and to its disk, writes the name down, and strikes at the one that it was told to strike at. A boundary is "before"
// or "after" a call and carries the number of times that the call was made so far in this life.

import childProcess from "node:child_process";
import fs from "node:fs";
import fsPromises from "node:fs/promises";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

const { log, strike, api, faultServer, deadlineMs } = JSON.parse(process.env.EXACTLY_ONCE ?? "{}");
const { openSync, writeSync, readlinkSync, renameSync } = fs;
const seen = new Map();
const logFile = openSync(log, "a");
const TALKS = new Set(["ls-remote", "fetch", "push"]);
/** What is written for people to read and by nobody read back. */
const TOLD = /^(?:worker\.log|events\.jsonl|.*\.transcript\.jsonl)/;
let passed = 0;

/** True where the call is to go wrong in the way that the strike says. */
function pass(when, call) {
  const name = `${when} ${call}`;
  const count = (seen.get(name) ?? 0) + 1;
  seen.set(name, count);
  passed += 1;
  writeSync(logFile, `${name} #${count}\n`);
  if (strike === undefined) return false;
  const isHit = strike.nth === undefined ? strike.name === name && strike.count === count : strike.nth === passed;
  if (!isHit) return false;
  writeSync(logFile, `struck\n`);
  if (strike.fault !== undefined) return true;
  process.kill(process.pid, "SIGKILL");
  for (;;); // The signal is on its way; nothing more is done.
}

function nameOf({ method = "GET" }, url) {
  const path = url.pathname
    .replace(/^(?:\/api\/v3)?\/repos\/[^/]+\/[^/]+/, "")
    .replace(/^\/api\/v3/, "")
    .replaceAll(/[0-9a-f]{40}/g, "SHA")
    .replace(/comments\/\d+/, "comments/ID")
    .replaceAll(/\.\.\.[^/]+$/g, "...");
  const page = url.searchParams.has("since") ? "?since" : "";
  return `${method} ${path === "" ? "/" : path}${page}`;
}

const { request } = http;
http.request = (url, options, ...rest) => {
  if (!(url instanceof URL) || url.origin !== api) return request(url, options, ...rest);
  const call = nameOf(options, url);
  const isFaulty = pass("before", call);
  const target = isFaulty ? new URL(url.pathname + url.search, faultServer) : url;
  const headers = isFaulty ? { ...options.headers, "x-fault": strike.fault } : options.headers;
  const sent = request(target, { ...options, headers }, ...rest);
  sent.once("response", () => pass("after", call));
  return sent;
};

const { spawn } = childProcess;
childProcess.spawn = (command, args, ...rest) => {
  const talk = command === "git" ? args.find((argument) => TALKS.has(argument)) : undefined;
  if (talk === undefined) return spawn(command, args, ...rest);
  pass("before", `git ${talk}`);
  const child = spawn(command, args, ...rest);
  child.once("exit", () => pass("after", `git ${talk}`));
  return child;
};

fs.renameSync = (from, to) => {
  renameSync(from, to);
  passFile("rename", to);
};
const { rename, open } = fsPromises;
fsPromises.rename = async (from, to) => {
  await rename(from, to);
  passFile("rename", to);
};
const probe = await open(process.execPath);
const handles = Object.getPrototypeOf(probe);
await probe.close();
const { appendFile } = handles;
handles.appendFile = async function append(...given) {
  await appendFile.apply(this, given);
  passFile("append", readlinkSync(`/proc/self/fd/${this.fd}`));
};

function passFile(how, path) {
  const name = basename(String(path)).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID");
  if (!TOLD.test(name)) pass("after", `${how} ${name}`);
}

if (deadlineMs !== undefined) {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  // The client's own deadline for a request, and nothing else's.
  AbortSignal.timeout = (ms) => timeout(ms === 30_000 ? deadlineMs : ms);
}
syncBuiltinESMExports();
