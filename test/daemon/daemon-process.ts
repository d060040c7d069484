// A daemon as a process of its own, with a fixture as its worker: node daemon-process.ts <home> <worker entry> <settings as JSON>

import { runDaemon } from "../../src/daemon/main.ts";

const [home = "", workerEntry = "", commandLine = "{}"] = process.argv.slice(2);

await runDaemon({ home, commandLine: JSON.parse(commandLine) as Record<string, unknown> }, process, workerEntry);
