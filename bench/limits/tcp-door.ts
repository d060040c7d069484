// The daemon's own TCP door and handler stand in front of rows that do not change, with the limit of requests lifted.

import { readFileSync } from "node:fs";

import { createControlHandler } from "../../src/daemon/tcp/control-handler.ts";
import { CONNECTION_LIMITS } from "../../src/daemon/tcp/tcp-connection.ts";
import { openTcpDoor } from "../../src/daemon/tcp/tcp-door.ts";
import type { DrainControl } from "../../src/core/messages/drain-control.ts";
import type { RepoEntry, SupervisorControl } from "../../src/core/messages/supervisor-control.ts";
import { hashToken } from "../../src/core/http/bearer-token.ts";

const { BENCH_BODY = "", BENCH_HOME = "" } = process.env;
const { repos: rows } = JSON.parse(readFileSync(BENCH_BODY, "utf8")) as { repos: readonly RepoEntry[] };
const hashes = [hashToken(readFileSync(`${BENCH_HOME}/token`, "utf8").trim())];
const control = { list: () => rows } as Pick<SupervisorControl, "list"> as SupervisorControl;
const drain = {} as DrainControl;
const log = { write: () => undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
const handle = createControlHandler({ control, drain, auth: "token", tokenHashes: () => hashes, log });
const limits = { ...CONNECTION_LIMITS, requestsPerSecond: Number.POSITIVE_INFINITY };
const door = await openTcpDoor({ port: 0, handle, limits }, new AbortController().signal);
process.stdout.write(`${JSON.stringify({ msg: "ready", port: door.port })}\n`);
