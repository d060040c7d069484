// Listens on this machine's own address; where the port is taken, the error says by whom, if the system shows it.

import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import net, { type Server } from "node:net";
import { basename } from "node:path";

import { errnoOf, HydraError } from "../base/errors.ts";
import { EXIT_CODES } from "../base/exit-code.ts";

const HOST = "127.0.0.1";
const LISTENING = "0A";

/** Resolves with the port; 0 asks for a free one. Throws PORT_IN_USE or LISTEN_FAILED, which names the `flag` that
 * chooses another port. `onLost` hears of connections that could not be taken. */
export async function listenOnLoopback(
  server: Server,
  port: number,
  flag?: string,
  onLost: (error: Error) => void = () => undefined,
): Promise<number> {
  const address = { host: HOST, port };
  try {
    // Node has this from 24.19 on. Without it, it looks the address up like a name, and compiles a pattern for every
    // form of IPv6 for that.
    server.listen("BoundSocket" in net ? new net.BoundSocket(address) : address);
    await once(server, "listening");
  } catch (error) {
    throw await listenError(error as Error, port, flag);
  }
  // Where no file descriptor is left, for instance, that connection is lost and the door stays.
  server.on("error", onLost);
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}

async function listenError(cause: Error, port: number, flag: string | undefined): Promise<HydraError> {
  if (errnoOf(cause) !== "EADDRINUSE" || flag === undefined)
    return new HydraError("LISTEN_FAILED", `cannot listen on ${HOST}:${port}: ${cause.message}`, { cause });
  const owner = await portOwner(port).catch(() => undefined);
  const message = `port ${port} is in use${owner === undefined ? "" : ` by ${owner}`}; stop what listens there, or choose another with ${flag}`;
  return new HydraError("PORT_IN_USE", message, { cause, exitCode: EXIT_CODES.tryAgain.code });
}

/** Names the owner as `node (pid 123)`; undefined for processes of others, and where there is no /proc. The kernel's
 * documentation describes the file in proc_net_tcp. */
async function portOwner(port: number): Promise<string | undefined> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")),
  );
  const rows = tables.flatMap((table) => table.split("\n")).map((row) => row.trim().split(/\s+/));
  const row = rows.find(([, local, , state]) => state === LISTENING && local?.endsWith(`:${hex}`) === true);
  const inode = row?.[9];
  if (inode === undefined) return undefined;
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || !(await hasSocket(pid, inode))) continue;
    return `${basename(await readlink(`/proc/${pid}/exe`))} (pid ${pid})`;
  }
  return undefined;
}

async function hasSocket(pid: string, inode: string): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  const names = await readdir(directory).catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(`${directory}/${name}`).catch(() => "")));
  return targets.includes(`socket:[${inode}]`);
}
