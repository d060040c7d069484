// The worker loads this before anything else. It names each boundary that the worker passes on its way to GitHub, to
// git's remote and to its disk, writes the name down, and strikes at the one that it was told to strike at. A boundary
// is "before" or "after" a call and carries the number of times that the call was made so far in this life.

import childProcess from "node:child_process";
import fs from "node:fs";
import fsPromises from "node:fs/promises";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

const { log, strike, api, faultServer } = JSON.parse(process.env.EXACTLY_ONCE ?? "{}");
const { openSync, writeSync, readlinkSync, renameSync } = fs;
const seen = new Map();
const logFile = openSync(log, "a");
const TALKS = new Set(["ls-remote", "fetch", "push"]);
/** People read these files, and nothing reads them back. */
const TOLD = /^(?:worker\.log|events\.jsonl|.*\.transcript\.jsonl)/;
let passed = 0;

/**
 * Gives the fault that the call is to meet, if the strike has one for it; a strike without faults is the worker's
 * death.
 */
function pass(when, call) {
  const name = `${when} ${call}`;
  const count = (seen.get(name) ?? 0) + 1;
  seen.set(name, count);
  passed += 1;
  writeSync(logFile, `${name} #${count}\n`);
  const fault = count === 1 ? strike?.faults?.[name] : undefined;
  const isHit = strike?.nth === undefined ? strike?.name === name && strike.count === count : strike.nth === passed;
  if (fault === undefined && !isHit) return undefined;
  writeSync(logFile, "struck\n");
  if (fault !== undefined) return fault;
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

/** The client gives a stalled request up so soon, instead of after its own half a minute. */
const STALL_MS = 1_500;
const STALLED = new DOMException("The operation was aborted due to timeout", "TimeoutError");
const sendRequest = http.request;
http.request = (...given) => {
  const [url, options, onResponse] = given;
  if (!(url instanceof URL) || url.origin !== api) return sendRequest(...given);
  const call = nameOf(options, url);
  const fault = pass("before", call);
  const target = fault === undefined ? url : new URL(url.pathname + url.search, faultServer);
  const headers = fault === undefined ? options.headers : { ...options.headers, "x-fault": fault };
  const sent = sendRequest(target, Object.assign({}, options, { headers }), onResponse);
  sent.once("response", () => pass("after", call));
  if (fault === "stall") setTimeout(() => sent.destroy(STALLED), STALL_MS).unref();
  return sent;
};

/** These faults break a talk after its work was done; for all others the server refuses the talk. */
const DONE = new Set(["half-body", "done-then-reset", "done-then-500", "stall"]);
const BROKEN_TALK = '"$0" "$@"; echo "fatal: the remote end hung up unexpectedly" >&2; exit 128';
const REFUSED_TALK = 'echo "fatal: unable to access: The requested URL returned error: $HTTP_STATUS" >&2; exit 128';

const spawnProcess = childProcess.spawn;
childProcess.spawn = (command, args, options) => {
  const talk = command === "git" ? args.find((argument) => TALKS.has(argument)) : undefined;
  if (talk === undefined) return spawnProcess(command, args, options);
  const fault = pass("before", `git ${talk}`);
  const child = fault === undefined ? spawnProcess(command, args, options) : spawnBroken(fault, args, options);
  child.once("exit", () => pass("after", `git ${talk}`));
  return child;
};

function spawnBroken(fault, args, options) {
  if (DONE.has(fault)) return spawnProcess("/bin/sh", ["-c", BROKEN_TALK, "git", ...args], options);
  const env = { ...options.env, HTTP_STATUS: fault.replace(/\D.*/, "") || "500" };
  return spawnProcess("/bin/sh", ["-c", REFUSED_TALK, "git", ...args], { ...options, env });
}

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
  const name = basename(String(path)).replaceAll(/[0-9a-f]{8}[0-9a-f-]*/g, "ID");
  if (!TOLD.test(name)) pass("after", `${how} ${name}`);
}

syncBuiltinESMExports();
