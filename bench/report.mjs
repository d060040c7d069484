// A figure is a row: pairs of limit and candidate, measured one beside the other, and what they must reach.

/**
 * Runs both in turn, the order changing from pair to pair, so that a slow minute hits both. One pair is thrown away.
 */
export async function alternate(pairs, limit, candidate) {
  const measured = [];
  for (let pair = -1; pair < pairs; pair += 1) {
    const values = {};
    const both = [
      ["limit", limit],
      ["candidate", candidate],
    ];
    for (const [side, run] of pair % 2 === 0 ? both : both.toReversed()) values[side] = await run();
    if (pair >= 0) measured.push(values);
  }
  return measured;
}

/** `pairs` is a list of {limit, candidate}; the goal speaks of candidate ÷ limit. */
export function ratioRow({ figure, against, unit, atMost, atLeast }, pairs) {
  const ratios = pairs.map(({ limit, candidate }) => candidate / limit);
  return finish(
    {
      figure,
      against,
      unit,
      goal: goalText(atMost, atLeast),
      limit: spread(pairs.map(({ limit }) => limit)),
      candidate: spread(pairs.map(({ candidate }) => candidate)),
      result: spread(ratios),
    },
    atMost,
    atLeast,
  );
}

/** Makes the row of a figure that has no limit beside it. */
export function valueRow({ figure, unit, atMost, atLeast }, values) {
  const result = spread(values);
  return finish(
    { figure, against: "–", unit, goal: goalText(atMost, atLeast), candidate: result, result },
    atMost,
    atLeast,
  );
}

function finish(row, atMost, atLeast) {
  const { median } = row.result;
  if (atMost === undefined && atLeast === undefined) return { ...row, met: null };
  return { ...row, met: atMost === undefined ? median >= atLeast : median <= atMost };
}

function goalText(atMost, atLeast) {
  if (atMost !== undefined) return `≤ ${atMost}`;
  return atLeast === undefined ? "–" : `≥ ${atLeast}`;
}

export function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1), values };
}

export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function renderRow({ figure, against, unit, goal, limit, candidate, result, met }) {
  const cells = [figure, against, goal, `**${digits(result.median)}** (${digits(result.min)}–${digits(result.max)})`];
  cells.push(met === null ? "–" : met ? "yes" : "no");
  cells.push(limit === undefined ? "–" : `${digits(limit.median)} ${unit}`, `${digits(candidate.median)} ${unit}`);
  return `| ${cells.join(" | ")} |`;
}

export function renderTable(rows) {
  const head =
    "| figure | against | goal | measured: median (min–max) | met | limit | HydraFlow |\n|---|---|---|---|---|---|---|";
  return [head, ...rows.map(renderRow)].join("\n");
}

function digits(value) {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value.toFixed(Math.abs(value) < 0.1 ? 3 : 2);
}
