// A daemon as a process of its own, with a fixture as its worker: node daemon-process.ts <home> <worker entry>
// <settings as JSON>

import { shippedIfMany } from "../support/shipped-if-many.ts";
import type * as Daemon from "../../src/daemon/main.ts";

const [home = "", workerEntry = "", commandLine = "{}"] = process.argv.slice(2);

const { runDaemon } = (await import(shippedIfMany("daemon"))) as typeof Daemon;
await runDaemon({ home, commandLine: JSON.parse(commandLine) as Record<string, unknown> }, process, workerEntry);
