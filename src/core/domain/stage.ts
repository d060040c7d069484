// The five stages, their labels, and the table of legal moves. Labels on GitHub are the truth; nothing else moves
// issues.
//
//   find ──▶ plan ──▶ ready ──▶ review ──▶ fixed
//    │ ╲       │ ▲      │ ▲       │ │
//    │  ▼      ▼ │      ▼ │       ▼ │ (changes requested)
//    │  closed hitl ◀─────┴──▶ any working stage
//    └────────▶ hitl

export const STAGES = ["triage", "plan", "implement", "review", "hitl"] as const;
export type Stage = (typeof STAGES)[number];

/** Suffixes behind the label prefix. The first five carry work; `fixed` and `dup` end it. */
export const LABELS = {
  find: { colour: "e4e669", description: "HydraFlow: to be triaged" },
  plan: { colour: "c5def5", description: "HydraFlow: to be planned" },
  ready: { colour: "0e8a16", description: "HydraFlow: planned, to be implemented" },
  review: { colour: "fbca04", description: "HydraFlow: pull request to be reviewed and merged" },
  hitl: { colour: "d93f0b", description: "HydraFlow: waits for a person's answer" },
  fixed: { colour: "5319e7", description: "HydraFlow: merged" },
  dup: { colour: "cfd3d7", description: "HydraFlow: already satisfied or duplicate" },
  "in-progress": { colour: "1d76db", description: "HydraFlow: claimed by a worker" },
  "hitl-active": { colour: "b60205", description: "HydraFlow: a person's answer is being worked in" },
} as const;

export type LabelKey = keyof typeof LABELS;
export type StageLabel = "find" | "plan" | "ready" | "review" | "hitl" | "fixed" | "dup";

export const STAGE_LABELS: readonly StageLabel[] = ["find", "plan", "ready", "review", "hitl", "fixed", "dup"];
export const MARKER_LABELS = ["in-progress", "hitl-active"] as const;

export const LABEL_OF_STAGE: Readonly<Record<Stage, StageLabel>> = {
  triage: "find",
  plan: "plan",
  implement: "ready",
  review: "review",
  hitl: "hitl",
};

const LEGAL_MOVES: Readonly<Record<StageLabel, readonly StageLabel[]>> = {
  find: ["plan", "ready", "hitl", "dup"],
  plan: ["ready", "hitl", "dup"],
  ready: ["review", "hitl", "dup"],
  review: ["fixed", "ready", "hitl", "dup"],
  hitl: ["find", "plan", "ready", "review", "fixed", "dup"],
  fixed: [],
  dup: [],
};

export function isLegalMove(from: StageLabel, to: StageLabel): boolean {
  return LEGAL_MOVES[from].includes(to);
}

export function stageOfLabel(label: StageLabel): Stage | undefined {
  return STAGES.find((stage) => LABEL_OF_STAGE[stage] === label);
}

/** `hydraflow` + `find` → `hydraflow-find`. */
export function labelName(prefix: string, key: LabelKey): string {
  return `${prefix}-${key}`;
}

/** The stage labels among an issue's labels, in pipeline order; more than one means a move was cut short. */
export function stageLabelsOf(labels: readonly string[], prefix: string): StageLabel[] {
  return STAGE_LABELS.filter((key) => hasLabel(labels, labelName(prefix, key)));
}

/** GitHub compares the names of labels without case, and shows the form in which they were made. */
export function isSameLabel(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

export function hasLabel(labels: readonly string[], name: string): boolean {
  return labels.some((label) => isSameLabel(label, name));
}
