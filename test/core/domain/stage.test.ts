import { describe, expect, it } from "vitest";

import {
  isLegalMove,
  LABEL_OF_STAGE,
  labelName,
  LABELS,
  MARKER_LABELS,
  STAGE_LABELS,
  type StageLabel,
  stageLabelsOf,
  stageOfLabel,
  STAGES,
} from "../../../src/core/domain/stage.ts";

/** Written out by hand, so that a change of the table is a change of this test. */
const LEGAL = new Set([
  "find→plan",
  "find→ready",
  "find→hitl",
  "find→dup",
  "plan→ready",
  "plan→hitl",
  "plan→dup",
  "ready→review",
  "ready→hitl",
  "ready→dup",
  "review→fixed",
  "review→ready",
  "review→hitl",
  "review→dup",
  "hitl→find",
  "hitl→plan",
  "hitl→ready",
  "hitl→review",
  "hitl→fixed",
  "hitl→dup",
]);

describe("the stages", () => {
  it("allow exactly the moves of the table", () => {
    const moves = STAGE_LABELS.flatMap((from) => STAGE_LABELS.map((to) => [from, to] as const));

    expect(new Set(moves.filter(([from, to]) => isLegalMove(from, to)).map(([from, to]) => `${from}→${to}`))).toEqual(
      LEGAL,
    );
  });

  it("let every issue reach its end from anywhere, and nothing leave it", () => {
    const reachable = (from: StageLabel, seen = new Set<StageLabel>()): Set<StageLabel> => {
      for (const to of STAGE_LABELS.filter((label) => isLegalMove(from, label) && !seen.has(label)))
        reachable(to, seen.add(to));
      return seen;
    };

    for (const from of ["find", "plan", "ready", "review", "hitl"] as const)
      expect(reachable(from).has("fixed"), from).toBe(true);
    for (const end of ["fixed", "dup"] as const) expect([...reachable(end)]).toEqual([]);
  });

  it("have one label each, and back", () => {
    for (const stage of STAGES) expect(stageOfLabel(LABEL_OF_STAGE[stage])).toBe(stage);
    expect([stageOfLabel("fixed"), stageOfLabel("dup")]).toEqual([undefined, undefined]);
  });

  it("are read from an issue's labels in pipeline order, markers and strangers left out", () => {
    const labels = [
      "bug",
      "hydraflow-hitl-active",
      "hydraflow-review",
      "hydraflow-in-progress",
      "hydraflow-find",
      "other-plan",
      "hydraflow-ready-x",
    ];

    expect(stageLabelsOf(labels, "hydraflow")).toEqual(["find", "review"]);
  });

  it("finds them in whatever case the repository has them", () => {
    expect(stageLabelsOf(["HydraFlow-Find", "HYDRAFLOW-REVIEW", "bug"], "hydraflow")).toEqual(["find", "review"]);
  });
});

describe("the labels", () => {
  it("fit GitHub: six hex digits of colour, at most a hundred characters of description, fifty of name", () => {
    for (const [key, { colour, description }] of Object.entries(LABELS)) {
      expect(colour).toMatch(/^[0-9a-f]{6}$/);
      expect(description.length).toBeLessThanOrEqual(100);
      expect(labelName("p".repeat(31), key as keyof typeof LABELS).length).toBeLessThanOrEqual(50);
    }
  });

  it("are either a stage's or a marker", () => {
    expect(Object.keys(LABELS).toSorted()).toEqual([...STAGE_LABELS, ...MARKER_LABELS].toSorted());
  });
});
