// Formats dates and durations for display.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS = [
  [DAY, "d"],
  [HOUR, "h"],
  [MINUTE, "min"],
  [SECOND, "s"],
] as const;

/** Formats milliseconds in their largest unit, such as `5 min` or `3 d`. */
export function formatDuration(milliseconds: number): string {
  const [size, unit] = UNITS.find(([size]) => milliseconds >= size) ?? [SECOND, "s"];
  return `${Math.floor(Math.max(0, milliseconds) / size)} ${unit}`;
}

/** Formats the age of a date. A date slightly in the future counts as now: clocks may differ. */
export function formatAge(date: number, now: number): string {
  if (Number.isNaN(date)) return "–";
  return now - date < SECOND ? "just now" : `${formatDuration(now - date)} ago`;
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
