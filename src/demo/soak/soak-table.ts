// This is a soak's report for people. This file is pure.

import type { Growth } from "./growth.ts";
import { isHeld, type SoakReport } from "./soak.ts";

const LINES_MAX = 40;

export function soakTable(report: SoakReport): string {
  const { made, ended, merged, closed, hitl, failed, calls, failedCalls, workerKills, daemonKills } = report;
  const share = calls === 0 ? 0 : (100 * failedCalls) / calls;
  return [
    row(
      "issues",
      `${made} made, ${ended} ended in ${report.minutes.toFixed(1)} min: ${merged} merged, ${closed} closed`,
    ),
    row("", `${hitl} asked a person, ${failed} not as wanted`),
    row("forge", `${calls} calls, ${failedCalls} failed on purpose (${share.toFixed(1)} %)`),
    row("kills", `${workerKills} workers, ${daemonKills} daemons`),
    ...list("doubled", report.doubled),
    ...list("left over", report.left),
    ...list("problems", report.problems),
    "",
    growthRow(["figure", "2nd quarter", "last quarter", "ratio", "per hour", "flat"]),
    ...report.growth.map(growthOf),
    "",
    ...(report.isGrowthJudged ? [] : ["too short a run to judge growth"]),
    isHeld(report) ? "held" : "NOT HELD",
    "",
  ].join("\n");
}

function list(name: string, lines: readonly string[]): string[] {
  const more = lines.length > LINES_MAX ? [`  … and ${lines.length - LINES_MAX} more`] : [];
  return [row(name, String(lines.length)), ...lines.slice(0, LINES_MAX).map((line) => `  ${line}`), ...more];
}

function row(name: string, text: string): string {
  return `${name.padEnd(12)}${text}`;
}

function growthOf({ figure, secondQuarter, lastQuarter, ratio, slopePerHour, isFlat }: Growth): string {
  const numbers = [secondQuarter.toFixed(1), lastQuarter.toFixed(1), ratio.toFixed(2), slopePerHour.toFixed(1)];
  return growthRow([figure, ...numbers, isFlat ? "yes" : "NO"]);
}

function growthRow([figure = "", ...cells]: readonly string[]): string {
  return [figure.padEnd(24), ...cells.map((cell) => cell.padStart(13))].join("");
}
