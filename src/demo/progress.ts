// The demo shows a live picture: on a terminal one line per issue, redrawn in place; elsewhere one line per change.

import type { DemoWorld } from "./demo-world.ts";
import type { PipelineRow } from "./door.ts";

interface Output {
  write(text: string): unknown;
}

const STAGE_MARKS = { triage: "◔", plan: "◑", implement: "◕", review: "◉", hitl: "?" } as const;
const TITLE_WIDTH = 44;
/** So many notes stand below the picture; a note before the first picture stays above it. */
const NOTES_MAX = 3;
const ACTIVE_COLOUR = "\x1b[36m";
const WAITING_COLOUR = "\x1b[33m";
const DONE_COLOUR = "\x1b[32m";
const PLAIN = "\x1b[0m";

export class Progress {
  readonly #world: DemoWorld;
  readonly #output: Output;
  readonly #isTerminal: boolean;
  readonly #last = new Map<string, string>();
  #drawnLines = 0;
  #notes: string[] = [];

  constructor(world: DemoWorld, output: Output, isTerminal: boolean) {
    this.#world = world;
    this.#output = output;
    this.#isTerminal = isTerminal;
  }

  note(line: string): void {
    if (this.#isTerminal && this.#drawnLines > 0) this.#notes = [...this.#notes, line].slice(-NOTES_MAX);
    else this.#output.write(`${line}\n`);
  }

  show(rows: readonly PipelineRow[]): void {
    const states = this.#states(rows);
    if (this.#isTerminal) this.#redraw(states);
    else this.#printChanges(states);
  }

  #states(rows: readonly PipelineRow[]): Map<string, string> {
    const active = new Map(rows.map((row) => [`${row.repo}#${row.issue}`, row]));
    const states = new Map<string, string>();
    for (const repository of this.#world.repositories) {
      for (const { number } of repository.issues) {
        const issue = this.#world.forge.issue(repository.fullName, number);
        const key = `${repository.fullName}#${number}`;
        const row = active.get(`${repository.slug}#${number}`);
        states.set(key, issue.state === "closed" ? endOf(issue.labels) : describe(row, issue.labels));
      }
    }
    return states;
  }

  #printChanges(states: ReadonlyMap<string, string>): void {
    for (const [key, state] of states) {
      if (this.#last.get(key) === state) continue;
      this.#last.set(key, state);
      this.#output.write(`${key} ${state}\n`);
    }
  }

  #redraw(states: ReadonlyMap<string, string>): void {
    const lines = [...states].map(
      ([key, state]) => `${colourOf(state)}${state.padEnd(22)}${PLAIN} ${key.padEnd(14)} ${this.#titleOf(key)}`,
    );
    const text = [...lines, ...this.#notes.map((note) => `  ${note}`)];
    const up = this.#drawnLines === 0 ? "" : `\x1b[${this.#drawnLines}A`;
    this.#output.write(`${up}${text.map((line) => `\x1b[2K${line}`).join("\n")}\n`);
    this.#drawnLines = text.length;
  }

  #titleOf(key: string): string {
    const [fullName = "", number = ""] = key.split("#");
    return this.#world.forge.issue(fullName, Number(number)).title.slice(0, TITLE_WIDTH);
  }
}

function describe(row: PipelineRow | undefined, labels: readonly string[]): string {
  if (row !== undefined)
    return `${STAGE_MARKS[row.stage as keyof typeof STAGE_MARKS] ?? "·"} ${row.stage} ${row.status}`;
  const label = labels.find((name) => name.startsWith("hydraflow-") && name !== "hydraflow-in-progress");
  return `· ${label?.slice("hydraflow-".length) ?? "no label"}`;
}

function endOf(labels: readonly string[]): string {
  return labels.includes("hydraflow-dup") ? "✔ was there already" : "✔ merged";
}

function colourOf(state: string): string {
  if (state.startsWith("✔")) return DONE_COLOUR;
  if (state.startsWith("?")) return WAITING_COLOUR;
  return state.includes("active") ? ACTIVE_COLOUR : "";
}
