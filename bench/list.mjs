// `list` is measured at 100 repositories over 16 connections, beside bare servers that send the same bytes. The load
// comes from a process of its own. The TCP door limits each connection's requests a second; here it runs with that
// limit lifted.

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { Daemon, Program } from "./program.mjs";
import { alternate, ratioRow } from "./report.mjs";

const REPOSITORIES = 100;
const CONNECTIONS = 16;
const run = promisify(execFile);

export async function measureList({ workspace, quick, pairs }) {
  const seconds = quick ? 1 : 3;
  const { home } = workspace.home(REPOSITORIES, "stopped");
  const daemon = await Daemon.start(home, workspace.environment);
  await using limits = new AsyncDisposableStack();
  limits.defer(() => daemon.stop());
  const listOverHttp = await bytesOfHttpList(daemon);
  const bodies = { http: join(home, "http.body"), tcp: join(home, "tcp.body") };
  writeFileSync(bodies.http, listOverHttp);
  writeFileSync(bodies.tcp, `${JSON.stringify(await daemon.ask({ action: "list_repos" }))}\n`);
  const open = async (script, body) => {
    const server = new Program([join(import.meta.dirname, script)], {
      env: { ...process.env, BENCH_BODY: body, BENCH_HOME: home },
    });
    limits.defer(() => server.stop());
    const { promise, resolve } = Promise.withResolvers();
    server.onLine((line) => line.msg === "ready" && resolve(line.port));
    return promise;
  };
  const load = async (port, file) => {
    const args = [join(import.meta.dirname, "limits", "load.mjs"), port, CONNECTIONS, seconds, file];
    return JSON.parse((await run(process.execPath, args.map(String))).stdout).rate;
  };
  const httpRequest = requestFile(
    home,
    "http",
    `GET /api/repos HTTP/1.1\r\nhost: 127.0.0.1:${daemon.state.httpPort}\r\nauthorization: Bearer ${daemon.token}\r\n\r\n`,
  );
  const tcpRequest = requestFile(home, "tcp", `${JSON.stringify({ action: "list_repos", token: daemon.token })}\n`);
  const http = await open("limits/http-server.mjs", bodies.http);
  const tcp = await open("limits/tcp-server.mjs", bodies.tcp);
  const door = await open("limits/tcp-door.ts", bodies.tcp);
  const overHttp = await alternate(
    pairs,
    () => load(http, httpRequest),
    () => load(daemon.state.httpPort, httpRequest),
  );
  const overTcp = await alternate(
    pairs,
    () => load(tcp, tcpRequest),
    () => load(door, tcpRequest),
  );
  const figure = (name) => `\`list\` over ${name}, ${REPOSITORIES} repositories, ${CONNECTIONS} connections`;
  return [
    ratioRow(
      { figure: figure("HTTP"), against: "raw `http` server, cached bytes", unit: "/s", atLeast: 0.6 },
      overHttp,
    ),
    ratioRow({ figure: figure("TCP"), against: "raw TCP server, cached bytes", unit: "/s", atLeast: 0.7 }, overTcp),
  ];
}

function requestFile(home, name, text) {
  const file = join(home, `${name}.request`);
  writeFileSync(file, text);
  return file;
}

function bytesOfHttpList(daemon) {
  const options = {
    host: "127.0.0.1",
    port: daemon.state.httpPort,
    path: "/api/repos",
    headers: { authorization: `Bearer ${daemon.token}` },
  };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => resolve(response.toArray().then((chunks) => Buffer.concat(chunks))));
    sent.on("error", reject).end();
  });
}
