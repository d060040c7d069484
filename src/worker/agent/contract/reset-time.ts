// Reads out of a sentence when a limit ends: "resets 3pm", "resets Dec 3, 9am (Europe/Paris)", "try again in 2 hours 5
// minutes", "try again at Sep 29th, 2026 12:55 AM", seconds since 1970, ISO. It returns null where the sentence does
// not say. The reading is pure, and linear.

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** The text behind a word such as "resets" is read so far; further on it is about something else. */
const WINDOW_UNITS = 100;
/** A date without a year that lies further back than this is next year's. */
const PAST_DAYS_MAX = 60;

const LEAD =
  /\b(?:reset(?:s|ting)?(?:[ _-]?at)?|again|retry(?:[ _-]?after)?|until|available|refresh(?:es)?|renews?|resumes?|resume|wait|lifted|expires?)\b/gi;
const EPOCH = /(?:\||reset(?:s|_at|sat)?["']?[:= ]{1,3})\s?(\d{10}|\d{13})(?!\d)/i;
const ISO = /\b(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?\s?(Z|[+-]\d\d:?\d\d)?/;
const CLOCK_12 = /\b(1[0-2]|0?[1-9])(?::([0-5]\d))?(?::[0-5]\d)?\s?([ap])\.?m\b/i;
const CLOCK_24 = /\b([01]?\d|2[0-3]):([0-5]\d)\b/;
const NAMED_HOUR = /\b(noon|midnight)\b/i;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH = `(${MONTHS.join("|")})[a-z]{0,6}\\.?`;
const MONTH_DAY = new RegExp(`\\b${MONTH} (\\d{1,2})(?:st|nd|rd|th)?\\b(?:,? (\\d{4})\\b)?`, "i");
const DAY_MONTH = new RegExp(`\\b(\\d{1,2})(?:st|nd|rd|th)? (?:of )?${MONTH}(?:,? (\\d{4}))?\\b`, "i");
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WEEKDAY = new RegExp(`\\b(${WEEKDAYS.join("|")})(?:day|sday|nesday|rsday|urday)?\\b`, "i");
const ZONE =
  /\(([A-Za-z][\w+-]*(?:\/[\w+-]+){0,2}(?:[+-]\d{1,2}(?::?\d\d)?)?)\)|\b(?:UTC|GMT)(?:[+-]\d{1,2}(?::?\d\d)?)?\b|\b(?:[PMCE][SD]T|[PMCE]T|CES?T|BST|JST|IST)\b/;
/** Each abbreviation that people use has its zone here; any other name goes to Intl as it is. */
const ZONES: Readonly<Record<string, string>> = {
  PT: "America/Los_Angeles",
  PST: "America/Los_Angeles",
  PDT: "America/Los_Angeles",
  MT: "America/Denver",
  MST: "America/Denver",
  MDT: "America/Denver",
  CT: "America/Chicago",
  CST: "America/Chicago",
  CDT: "America/Chicago",
  ET: "America/New_York",
  EST: "America/New_York",
  EDT: "America/New_York",
  CET: "Europe/Paris",
  CEST: "Europe/Paris",
  BST: "Europe/London",
  JST: "Asia/Tokyo",
  IST: "Asia/Kolkata",
};
const PART =
  /(\d{1,9}(?:\.\d{1,9})?)\s?(ms|milliseconds?|weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|min|m|seconds?|secs?|s)(?![a-z])[\s,]{0,3}(?:and )?/iy;
const UNIT_MS: Readonly<Record<string, number>> = { w: 7 * DAY_MS, d: DAY_MS, h: 3_600_000, m: 60_000, s: SECOND_MS };

export function resetTimeIn(text: string, now: Date): Date | null {
  const epoch = EPOCH.exec(text)?.[1];
  if (epoch !== undefined) return future(Number(epoch) * (epoch.length === 10 ? SECOND_MS : 1), now);
  for (const lead of text.matchAll(LEAD)) {
    const from = lead.index + lead[0].length;
    const window = text.slice(from, from + WINDOW_UNITS);
    const found = durationIn(window, now) ?? isoIn(window, now) ?? wallTimeIn(window, now);
    if (found !== null) return found;
  }
  return null;
}

/** Reads "in 2 days 17 hours", "after 3h20m", "-after: 30 s". */
function durationIn(window: string, now: Date): Date | null {
  const start = /^["':= ]{0,4}(?:(?:in|after|for)\b[: ]{0,3})?(?:about |approximately |~)?(?=\d)/i.exec(window);
  if (start === null) return null;
  PART.lastIndex = start[0].length;
  let totalMs = 0;
  for (let part = PART.exec(window); part !== null; part = PART.exec(window)) {
    const [, amount = "0", unit = ""] = part;
    totalMs += Number(amount) * (/^(?:ms|mill)/i.test(unit) ? 1 : (UNIT_MS[unit.charAt(0).toLowerCase()] ?? 0));
  }
  return totalMs === 0 ? null : future(now.getTime() + totalMs, now);
}

function isoIn(window: string, now: Date): Date | null {
  const [, date, time, offset] = ISO.exec(window) ?? [];
  if (date === undefined || time === undefined) return null;
  if (offset !== undefined) return future(Date.parse(`${date}T${time}${offset}`), now);
  const [year = 0, month = 1, day = 1] = date.split("-").map(Number);
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  return future(epochOf({ year, month, day, hour, minute }, zoneIn(window)), now);
}

interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

function wallTimeIn(window: string, now: Date): Date | null {
  const clock = clockIn(window);
  const date = dateIn(window);
  const weekday = WEEKDAYS.indexOf(WEEKDAY.exec(window)?.[1]?.toLowerCase() ?? "");
  const isTomorrow = /\btomorrow\b/i.test(window);
  if (clock === null && date === null && weekday === -1 && !isTomorrow) return null;
  const zone = zoneIn(window);
  const today = wallTimeAt(now, zone);
  const { hour, minute } = clock ?? { hour: 0, minute: 0 };
  if (date !== null)
    return onDate(
      { ...today, ...date, year: date.year ?? today.year, hour, minute },
      { zone, now, isYearGiven: date.year !== null },
    );
  const at = (days: number): number => epochOf({ ...today, day: today.day + days, hour, minute }, zone);
  if (isTomorrow) return future(at(1), now);
  if (weekday !== -1) {
    const days = (weekday - new Date(Date.UTC(today.year, today.month - 1, today.day)).getUTCDay() + 7) % 7;
    return future(at(days), now) ?? future(at(days + 7), now);
  }
  // A time that has passed today is tomorrow's.
  return future(at(0), now) ?? future(at(1), now);
}

function onDate(
  wall: WallTime,
  { zone, now, isYearGiven }: { zone: string | undefined; now: Date; isYearGiven: boolean },
): Date | null {
  const time = epochOf(wall, zone);
  if (isYearGiven || now.getTime() - time < PAST_DAYS_MAX * DAY_MS) return future(time, now);
  return future(epochOf({ ...wall, year: wall.year + 1 }, zone), now);
}

function clockIn(window: string): { hour: number; minute: number } | null {
  const [, hour12, minute12 = "0", half = ""] = CLOCK_12.exec(window) ?? [];
  if (hour12 !== undefined)
    return { hour: (Number(hour12) % 12) + (half.toLowerCase() === "p" ? 12 : 0), minute: Number(minute12) };
  const [, hour24, minute24] = CLOCK_24.exec(window) ?? [];
  if (hour24 !== undefined) return { hour: Number(hour24), minute: Number(minute24) };
  const named = NAMED_HOUR.exec(window)?.[1]?.toLowerCase();
  return named === undefined ? null : { hour: named === "noon" ? 12 : 0, minute: 0 };
}

function dateIn(window: string): { month: number; day: number; year: number | null } | null {
  const [, month, day, year] = MONTH_DAY.exec(window) ?? [];
  const [, day2, month2, year2] = DAY_MONTH.exec(window) ?? [];
  const name = month ?? month2;
  if (name === undefined) return null;
  const given = month === undefined ? year2 : year;
  return {
    month: MONTHS.indexOf(name.toLowerCase()) + 1,
    day: Number(month === undefined ? day2 : day),
    year: given === undefined ? null : Number(given),
  };
}

/** Returns a name for Intl, or undefined for the machine's own zone. */
function zoneIn(window: string): string | undefined {
  const found = ZONE.exec(window);
  const name = found?.[1] ?? found?.[0];
  if (name === undefined) return undefined;
  const [, sign, hours, minutes = "00"] = /^(?:UTC|GMT)([+-])(\d{1,2}):?(\d\d)?$/.exec(name) ?? [];
  const zone = sign === undefined ? (ZONES[name] ?? name) : `${sign}${String(hours).padStart(2, "0")}:${minutes}`;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

function wallTimeAt(time: Date, zone: string | undefined): WallTime {
  const options = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const;
  const parts = new Intl.DateTimeFormat("en", {
    ...options,
    hourCycle: "h23",
    ...(zone === undefined ? {} : { timeZone: zone }),
  }).formatToParts(time);
  const value = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  return {
    year: value("year"),
    month: value("month"),
    day: value("day"),
    hour: value("hour"),
    minute: value("minute"),
  };
}

/** The offset is looked up twice, for it may be another one at the time that is meant. */
function epochOf(wall: WallTime, zone: string | undefined): number {
  const wanted = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute);
  let time = wanted;
  for (const _pass of ["first", "second"]) {
    const seen = wallTimeAt(new Date(time), zone);
    time += wanted - Date.UTC(seen.year, seen.month - 1, seen.day, seen.hour, seen.minute);
  }
  return time;
}

function future(time: number, now: Date): Date | null {
  return Number.isFinite(time) && time > now.getTime() ? new Date(time) : null;
}
