// A span of time as people read and write it.

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

const SECONDS_OF: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, min: 60, h: 3_600 };

/** Reads `90`, `90s`, `10m`, `1h` as seconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,7}) ?(s|m|min|h)?$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (SECONDS_OF[unit] ?? 1);
}

/** Writes seconds as their two largest units: `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  if (first === -1) return "0 s";
  let left = Math.floor(seconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.join(" ");
}
