// `npm run soak` lets five repositories work for an hour, with an issue a minute, a forge that fails one call in twenty
// and a SIGKILL every two minutes. It prints one table; the exit code is the verdict. `-- --minutes 3` is a quick look,
// `-- --keep` leaves the files, `-- --seed N` makes the same faults and kills again.

import { randomInt } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runSoak, isHeld } from "../src/demo/soak/soak.ts";
import { soakTable } from "../src/demo/soak/soak-table.ts";
import { root } from "./runtime.mjs";

const SEED_MAX = 1_000_000_000;
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    repositories: { type: "string", default: "5" },
    "issue-every": { type: "string", default: "60" },
    "fail-rate": { type: "string", default: "0.05" },
    "kill-every": { type: "string", default: "120" },
    seed: { type: "string", default: String(randomInt(SEED_MAX)) },
    keep: { type: "boolean", default: false },
  },
});

const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => stopping.abort());

const options = {
  durationMs: numberOf("minutes") * 60_000,
  repositories: numberOf("repositories"),
  issueEveryMs: numberOf("issue-every") * 1_000,
  failRate: numberOf("fail-rate"),
  killEveryMs: numberOf("kill-every") * 1_000,
  seed: numberOf("seed"),
  keepDirectory: values.keep,
  runtime: process.execPath,
  cliArguments: [join(root, "dist", "cli.js")],
  environment: process.env,
  emit: (line) => process.stderr.write(`${line}\n`),
};

try {
  const report = await runSoak(options, stopping.signal);
  process.stdout.write(`seed ${values.seed}\n${soakTable(report)}`);
  process.exitCode = isHeld(report) ? 0 : 1;
} catch (thrown) {
  if (!stopping.signal.aborted) throw thrown;
  process.stderr.write("stopped before the end\n");
  process.exitCode = 1;
}

/** The number must be above zero, except for the share of calls that fail. */
function numberOf(name) {
  const number = Number(values[name]);
  if (Number.isFinite(number) && (number > 0 || (name === "fail-rate" && number === 0))) return number;
  throw new Error(`--${name} takes a number above 0, not ${values[name]}`);
}
