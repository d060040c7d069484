// `npm run bench` measures HydraFlow beside the limit of what is possible on this machine, both in one run on one Node.
// It prints a table and writes results.json beside this file. docs/performance.md says what each figure means.
//   --quick          fewer pairs and smaller fleets
//   --only <name>    one group of figures (several allowed)

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureBoot, measureLargeBoot, measurePeers } from "./boot.mjs";
import { measureDurable } from "./durable.mjs";
import { measureIdle } from "./idle.mjs";
import { measureList } from "./list.mjs";
import { measureMemory } from "./memory.mjs";
import { measurePing } from "./ping.mjs";
import { Raw } from "./raw.mjs";
import { renderRow, renderTable } from "./report.mjs";
import { measureRespawn } from "./respawn.mjs";
import { measureDoors, measureCli } from "./start.mjs";
import { describeMachine } from "./versions.mjs";
import { Workspace } from "./workspace.mjs";

const GROUPS = {
  doors: measureDoors,
  cli: measureCli,
  memory: measureMemory,
  respawn: measureRespawn,
  durable: measureDurable,
  list: measureList,
  ping: measurePing,
  boot: measureBoot,
  boot200: measureLargeBoot,
  peers: measurePeers,
  idle: measureIdle,
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: Object.keys(GROUPS) },
  },
});
// This also ends what stands in groups of its own; the daemon's workers end with it.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
const unknown = values.only.filter((name) => !Object.hasOwn(GROUPS, name));
if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(", ")}; --only takes ${Object.keys(GROUPS).join(", ")}\n`);
  process.exitCode = 2;
} else {
  await run(values.only, values.quick);
}

async function run(names, quick) {
  const machine = describeMachine();
  const say = (line) => process.stdout.write(`${line}\n`);
  say(
    Object.entries(machine)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
  );
  const rows = [];
  const notes = [];
  for (const name of names) {
    say(`# ${name}`);
    await using workspace = await Workspace.create();
    // A first boot leaves what Node compiled of the bundle at hand for limit and candidate, as on a machine in use.
    await new Raw(workspace, [workspace.checkout()]).start();
    const options = { workspace, quick, pairs: quick ? 2 : 5, note: (line) => notes.push(line) && say(line) };
    try {
      for (const row of await GROUPS[name](options)) {
        rows.push(row);
        say(renderRow(row));
      }
    } catch (error) {
      options.note(`failed: ${name}: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  }
  say(`\n${renderTable(rows)}`);
  const file = join(import.meta.dirname, "results.json");
  writeFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), quick, machine, notes, rows }, null, 2)}\n`);
  say(`\nwritten: ${file}`);
}
