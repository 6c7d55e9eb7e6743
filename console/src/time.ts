// Times, in words short enough for a table.

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

/** `5 min`, `3 d`: a span of milliseconds, in its largest unit. */
export function span(milliseconds: number): string {
  const [size, unit] = UNITS.find(([size]) => milliseconds >= size) ?? [SECOND, "s"];
  return `${Math.floor(Math.max(0, milliseconds) / size)} ${unit}`;
}

/** How long ago a date was; clocks may differ by a little. */
export function age(date: number, now: number): string {
  if (Number.isNaN(date)) return "–";
  return now - date < SECOND ? "just now" : `${span(now - date)} ago`;
}

/** When something will be: how far ahead, and what the reader's own clock will show. */
export function ahead(date: Date, now: number): string {
  const isToday = date.toDateString() === new Date(now).toDateString();
  const shown = date.toLocaleString(undefined, {
    ...(isToday ? {} : { dateStyle: "medium" }),
    timeStyle: "short",
  });
  return date.getTime() > now ? `in ${span(date.getTime() - now)}, at ${shown}` : `at ${shown}`;
}

/** A moment, as the reader's own clock has it. */
export const clock = (date: Date): string =>
  date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
