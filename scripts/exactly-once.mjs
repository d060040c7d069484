// `npm run test:exactly-once` kills the worker at every boundary of every path and lets every call fail in every way,
// and reads in the forge's ledger that each effect came about once. It prints what was tried and what held; the exit
// code is the verdict. test/exactly-once/attempts.ts says which of them stand for the others. `-- --few` does a part
// that `--seed N` decides, `--path happy` one path, `--kind once|twice|on-and-on|faults` one kind, `--only TEXT` the
// boundaries with that text in their names; `--keep` leaves the directories.

import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { KINDS, lineOf, runControl, runTrials } from "../test/exactly-once/run.ts";

const SEED_MAX = 1_000_000_000;
const FEW = 3;
const PATIENCE_MS = 120_000;
const { values } = parseArgs({
  options: {
    path: { type: "string", multiple: true, default: [] },
    kind: { type: "string", multiple: true, default: [...KINDS] },
    only: { type: "string", default: "" },
    few: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    seed: { type: "string", default: String(randomInt(SEED_MAX)) },
    "at-once": { type: "string", default: String(availableParallelism() * 2) },
  },
});
const options = {
  paths: values.few && values.path.length === 0 ? ["happy"] : values.path,
  kinds: KINDS.filter((kind) => values.kind.includes(kind) && !(values.few && kind === "on-and-on")),
  few: values.few ? FEW : null,
  only: values.only,
  keep: values.keep,
  seed: Number(values.seed),
  atOnce: Number(values["at-once"]),
  patienceMs: PATIENCE_MS,
  say: (line) => process.stdout.write(`${line}\n`),
};
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
const isCaught = await runControl(options);
const total = await runTrials(options);
process.stdout.write(`\n${lineOf(total)}\nseed ${options.seed}\n`);
process.exitCode = isCaught && total.failed.length === 0 && total.tried > 0 ? 0 : 1;
