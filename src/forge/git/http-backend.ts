// `git http-backend` serves git's smart HTTP, bridged as CGI (RFC 3875). The caller has checked who asks; this file
// only carries bytes.
//
// I1 The answer ends no earlier than `settled` has run, so that a push is visible once the client returns.

import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { pipeline, type Readable } from "node:stream";

import { HydraError } from "../../core/base/errors.ts";
import type { BareRepository } from "./bare-repository.ts";

const CGI_HEAD_BYTES_MAX = 16_384;

export interface GitHttpRequest {
  readonly method: string;
  /** It is `/info/refs`, `/git-upload-pack` or `/git-receive-pack`. */
  readonly service: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly login: string;
  readonly body: Readable;
}

export interface GitHttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Buffer>;
}

export async function serveGit(
  repository: BareRepository,
  request: GitHttpRequest,
  settled: () => Promise<void>,
  signal: AbortSignal,
): Promise<GitHttpAnswer> {
  const child = spawn("git", ["http-backend"], {
    env: cgiEnvironment(repository, request),
    stdio: ["pipe", "pipe", "ignore"],
    signal,
  });
  child.on("error", () => undefined); // The failure shows as an empty stdout below.
  // The backend may answer without reading everything, and the client may go away: neither is an error of ours.
  pipeline(request.body, child.stdin, () => undefined);
  const output: AsyncIterator<Buffer> = child.stdout[Symbol.asyncIterator]();
  const { head, rest } = await readHead(output);
  return { ...parseHead(head), body: streamBody(rest, output, () => child.kill(), settled) };
}

function cgiEnvironment(repository: BareRepository, request: GitHttpRequest): Record<string, string> {
  const header = (name: string): string => String(request.headers[name] ?? "");
  const name = repository.directory.slice(dirname(repository.directory).length + 1);
  const length = header("content-length");
  return {
    ...repository.environment,
    GIT_PROJECT_ROOT: dirname(repository.directory),
    GIT_HTTP_EXPORT_ALL: "1",
    REQUEST_METHOD: request.method,
    PATH_INFO: `/${name}${request.service}`,
    QUERY_STRING: request.query,
    CONTENT_TYPE: header("content-type"),
    ...(length === "" ? {} : { CONTENT_LENGTH: length }),
    HTTP_CONTENT_ENCODING: header("content-encoding"),
    GIT_PROTOCOL: header("git-protocol"),
    REMOTE_USER: request.login,
    REMOTE_ADDR: "127.0.0.1",
  };
}

async function readHead(output: AsyncIterator<Buffer>): Promise<{ head: string; rest: Buffer }> {
  let seen = Buffer.alloc(0);
  while (seen.length <= CGI_HEAD_BYTES_MAX) {
    const next = await output.next();
    if (next.done) break;
    seen = Buffer.concat([seen, next.value]);
    const end = seen.indexOf("\r\n\r\n");
    if (end >= 0) return { head: seen.subarray(0, end).toString("latin1"), rest: seen.subarray(end + 4) };
  }
  throw new HydraError("FORGE_GIT", "git http-backend gave no answer");
}

function parseHead(head: string): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const status = Number.parseInt(headers["status"] ?? "200", 10);
  delete headers["status"];
  return { status, headers };
}

async function* streamBody(
  first: Buffer,
  output: AsyncIterator<Buffer>,
  kill: () => void,
  settled: () => Promise<void>,
): AsyncGenerator<Buffer> {
  try {
    if (first.length > 0) yield first;
    for (let next = await output.next(); !next.done; next = await output.next()) yield next.value;
  } finally {
    kill(); // The process has ended already unless the client went away first.
    await settled(); // I1
  }
}
