// These figures say how long a person or a service manager waits for a process of ours to do its first useful thing.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Daemon, DIST } from "./program.mjs";
import { alternate, ratioRow } from "./report.mjs";

/** Cheap figures get more pairs: a process start is short, and noisy. */
const MORE = 4;

export async function measureDoors({ workspace, pairs }) {
  const { home } = workspace.home(20);
  const measured = await alternate(
    pairs * MORE,
    () => nodeDoingNothing(workspace),
    () => firstAnswer(home, workspace),
  );
  const figure = "both doors answer after the daemon's start, 20 to restore";
  return [ratioRow({ figure, against: "`node -e 0`", unit: "ms", atMost: 5 }, measured)];
}

export async function measureCli({ workspace, pairs }) {
  const { home } = workspace.home(100, "stopped");
  const daemon = await Daemon.start(home, workspace.environment);
  try {
    const env = { PATH: process.env.PATH, HOME: home };
    const measured = await alternate(
      pairs * MORE,
      () => nodeDoingNothing(workspace),
      () => timeOf([join(DIST, "cli.js"), "list", "--home", home], env),
    );
    const figure = "CLI `list`, 100 repositories";
    return [ratioRow({ figure, against: "`node -e 0`", unit: "ms", atMost: 2.5 }, measured)];
  } finally {
    await daemon.stop();
  }
}

function nodeDoingNothing({ environment: { PATH, HOME } }) {
  return timeOf(["-e", "0"], { PATH, HOME });
}

async function timeOf(args, env) {
  const startedMs = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`);
  return performance.now() - startedMs;
}

/** Times the start until a ping over TCP and one over HTTP are answered; it asks as soon as the ports are known. */
async function firstAnswer(home, { environment }) {
  const daemon = new Daemon(home, environment);
  try {
    for (;;) {
      const { port, httpPort, pid } = JSON.parse(readFileSync(join(home, "supervisor-state.json"), "utf8"));
      if (pid === daemon.pid) {
        await Promise.all([
          talk(port, '{"action":"ping"}\n'),
          talk(httpPort, `GET /livez HTTP/1.1\r\nhost: 127.0.0.1:${httpPort}\r\n\r\n`),
        ]);
        return performance.now() - daemon.startedMs;
      }
      await delay(1);
    }
  } finally {
    await daemon.stop();
  }
}

async function talk(port, text) {
  const socket = createConnection(port, "127.0.0.1");
  socket.write(text);
  await once(socket, "data");
  socket.destroy();
}
