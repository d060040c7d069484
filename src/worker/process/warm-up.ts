// Warms up a process that was spawned before anybody needs it: it goes through the parts of a start that every
// repository shares, so that Node has loaded and compiled them when the word comes. It opens no file and leaves nothing
// behind.

import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";

import { checksum } from "../../core/files/checksum.ts";
import { environmentLayer, resolveConfig } from "../../core/config/config-layers.ts";
import { listenOnLoopback } from "../../core/http/loopback.ts";

/** A worker that is needed gets the word in a fraction of this. */
export const WARM_UP_AFTER_MS = 200;

export async function warmUp(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  resolveConfig([environmentLayer(environment)]);
  checksum("");
  new DatabaseSync(":memory:").close();
  const server = createServer();
  await listenOnLoopback(server, 0);
  await new Promise((resolve) => server.close(resolve));
}
