// Formats dates and durations for display.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** From this number of milliseconds, days are exact enough. */
const LONG = 10 * DAY;

/** Formats milliseconds, rounded down, such as `50 s`, `5 min`, `1 h 59 min`, `3 d 4 h` or `31 d`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds >= LONG) return `${Math.floor(milliseconds / DAY)} d`;
  if (milliseconds >= DAY) return formatUnits(milliseconds, [DAY, "d"], [HOUR, "h"]);
  if (milliseconds >= HOUR) return formatUnits(milliseconds, [HOUR, "h"], [MINUTE, "min"]);
  if (milliseconds >= MINUTE) return `${Math.floor(milliseconds / MINUTE)} min`;
  return `${Math.floor(Math.max(0, milliseconds) / SECOND)} s`;
}

type Unit = readonly [milliseconds: number, name: string];

function formatUnits(milliseconds: number, [large, name]: Unit, [small, smallName]: Unit): string {
  const count = Math.floor(milliseconds / large);
  const rest = Math.floor((milliseconds % large) / small);
  return rest > 0 ? `${count} ${name} ${rest} ${smallName}` : `${count} ${name}`;
}

/** From each age, in milliseconds, the unit to which it is rounded. */
const ROUNDING = [
  [LONG, DAY],
  [DAY, HOUR],
  [MINUTE, MINUTE],
] as const;

/**
 * Formats the age of a date, rounded to the nearest unit that is shown, so that it agrees with the
 * position in the chart. A date slightly in the future counts as now: clocks may differ.
 */
export function formatAge(date: number, now: number): string {
  if (Number.isNaN(date)) return "–";
  const age = now - date;
  if (age < SECOND) return "just now";
  const [, unit] = ROUNDING.find(([minimum]) => age >= minimum) ?? [0, SECOND];
  return `${formatDuration(Math.round(age / unit) * unit)} ago`;
}

/** Formats a future date as the remaining time and the local time. */
export function formatExpiry(date: Date, now: number): string {
  const isToday = date.toDateString() === new Date(now).toDateString();
  const localTime = date.toLocaleString(undefined, {
    ...(isToday ? {} : { dateStyle: "medium" }),
    timeStyle: "short",
  });
  const remaining = date.getTime() - now;
  return remaining > 0 ? `in ${formatDuration(remaining)}, at ${localTime}` : `at ${localTime}`;
}

/** Formats a date in the local time zone. */
export const formatDate = (date: Date): string =>
  date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Formats a date in the local time zone, with a constant width, such as `2026-11-23 22:55:24`. */
export function formatTimestamp(date: number): string {
  // The Swedish locale has the format of ISO 8601.
  return Number.isNaN(date) ? "–" : new Date(date).toLocaleString("sv-SE");
}

/** Formats the label of a chart axis: the local time, with the day if the range is long. */
export const formatAxisTime = (date: number, range: number): string =>
  range < DAY ? formatTimestamp(date).slice(11, 16) : formatTimestamp(date).slice(5, 16);
