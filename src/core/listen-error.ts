// Why a door could not be opened, and where the port is taken, by whom, as far as this machine tells us.

import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";

import { errnoOf, HydraError } from "./errors.ts";
import { EXIT_CODES } from "./exit-code.ts";

const LISTENING = "0A";

/** PORT_IN_USE or LISTEN_FAILED. `flag` sets another port. */
export async function listenError(cause: Error, port: number, flag: string): Promise<HydraError> {
  if (errnoOf(cause) !== "EADDRINUSE")
    return new HydraError("LISTEN_FAILED", `cannot listen on 127.0.0.1:${port}: ${cause.message}`, { cause });
  const owner = await portOwner(port).catch(() => undefined);
  const message = `port ${port} is in use${owner === undefined ? "" : ` by ${owner}`}; stop what listens there, or choose another with ${flag}`;
  return new HydraError("PORT_IN_USE", message, { cause, exitCode: EXIT_CODES.tryAgain.code });
}

/** `node (pid 123)`; undefined for processes of others, and where there is no /proc. See proc_net_tcp in the kernel's documentation. */
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
