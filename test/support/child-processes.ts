// Processes that a test has started end with it.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Ends those of the children that still run, and forgets all of them. */
export async function endAll(children: ChildProcess[]): Promise<void> {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}
