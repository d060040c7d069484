// A figure stays flat over a run when its last quarter is not above its second, when everything has warmed up. This
// file is pure.

export interface Sample {
  readonly atMs: number;
  /** So many issues had ended by then. */
  readonly ended: number;
  readonly figures: Readonly<Record<string, number>>;
}

export interface Allowance {
  /** The last quarter may be so many times the second. */
  readonly ratioMax: number;
  /** So much may come on top, in the figure's unit: small figures jump. */
  readonly slack: number;
  /** So much may stay of each issue that has ended, in the figure's unit, because people want to read it. */
  readonly perIssue: number;
}

export interface Growth {
  readonly figure: string;
  /** Both quarters are medians. */
  readonly secondQuarter: number;
  readonly lastQuarter: number;
  readonly ratio: number;
  /** The line through all samples rises so much per hour. */
  readonly slopePerHour: number;
  readonly isFlat: boolean;
}

const HOUR_MS = 3_600_000;

/** A figure without a sample in both quarters is not flat: nobody knows. */
export function judgeGrowth(samples: readonly Sample[], figure: string, allowance: Allowance): Growth {
  const firstMs = samples[0]?.atMs ?? 0;
  const lengthMs = (samples.at(-1)?.atMs ?? 0) - firstMs;
  const having = samples.filter(({ figures }) => figures[figure] !== undefined);
  const quarter = (index: number) =>
    having.filter(({ atMs }) => Math.min(3, Math.floor((4 * (atMs - firstMs)) / lengthMs)) === index);
  const valueOf = ({ figures }: Sample) => figures[figure] ?? Number.NaN;
  const secondQuarter = median(quarter(1).map(valueOf));
  const lastQuarter = median(quarter(3).map(valueOf));
  const issues = median(quarter(3).map(({ ended }) => ended)) - median(quarter(1).map(({ ended }) => ended));
  const limit = secondQuarter * allowance.ratioMax + allowance.slack + issues * allowance.perIssue;
  const slopePerHour = HOUR_MS * slopeOf(having.map((sample) => [sample.atMs, valueOf(sample)]));
  return {
    figure,
    secondQuarter,
    lastQuarter,
    ratio: secondQuarter === 0 && lastQuarter === 0 ? 1 : lastQuarter / secondQuarter,
    slopePerHour,
    isFlat: lastQuarter <= limit,
  };
}

/** The median of nothing is NaN. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(half)] ?? Number.NaN) + (sorted[Math.ceil(half)] ?? Number.NaN)) / 2;
}

/** The slope is that of least squares. */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
}
