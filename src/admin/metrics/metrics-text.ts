// Writes Prometheus text format 0.0.4, as https://prometheus.io/docs/instrumenting/exposition_formats/ describes it.

export type MetricType = "counter" | "gauge" | "histogram";
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** The suffix `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: "_bucket" | "_sum" | "_count";
}

export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function encodeMetrics(families: readonly MetricFamily[]): string {
  return families.map(encodeFamily).join("");
}

function encodeFamily({ name, type, help, samples }: MetricFamily): string {
  const lines = samples.map(
    ({ suffix = "", labels, value }) => `${name}${suffix}${encodeLabels(labels)} ${encodeValue(value)}\n`,
  );
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function encodeLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function encodeValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
