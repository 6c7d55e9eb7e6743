// A stacked bar chart of events by type over time, with a text alternative.
import { html, svg } from "./dom.ts";
import { EVENT_TYPES, type EventType } from "./event_types.ts";
import { formatAxisTime, formatDuration } from "./time.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/**
 * The possible time ranges, in milliseconds. The chart uses the shortest one that contains most
 * events. A quarter of each range is a whole number of minutes, hours or days, for the axis labels.
 */
const RANGES = [20 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, DAY, 8 * DAY, 32 * DAY];
/** The share of events that the range has to contain. Single old events must not stretch it. */
const COVERAGE = 3 / 4;
/** The number of bars. A bar covers 30 seconds in the shortest range and 19 hours in the longest. */
const BAR_COUNT = 40;
/** The minimum of the vertical axis, in events: a single event must not fill the height. */
const MIN_AXIS = 3;
/** In pixels. */
const HEIGHT = 120;
/** The minimum of the left margin. Each digit of the axis label needs `DIGIT` pixels. */
const MIN_LEFT = 24;
const DIGIT = 8;
const LABEL_GAP = 6;
const TOP = 8;
const BOTTOM = 22;
/** A chart narrower than this, in pixels, has half the labels. */
const WIDE = 480;

interface Options {
  readonly now: number;
  /** Whether the time axis has local times instead of ages. */
  readonly showsTimes: boolean;
}

interface DatedEvent {
  readonly type: EventType;
  readonly date: number;
}

/**
 * Draws the chart into `figure`, with a caption that counts the events before the range. `events`
 * is sorted by date, latest first. Hides the figure if no event is within the longest range.
 */
export function drawChart(
  figure: HTMLElement,
  events: readonly DatedEvent[],
  { now, showsTimes }: Options,
): void {
  const range = chooseRange(events, now);
  figure.hidden = range === undefined;
  if (range === undefined) return;

  const width = figure.clientWidth;
  // The page may have no room for the chart, for example in a very narrow frame.
  if (width <= MIN_LEFT) return figure.replaceChildren();

  const drawn = events.filter(({ date }) => now - date < range);
  const olderCount = events.filter(({ date }) => now - date >= range).length;
  // Bars are aligned to multiples of their duration, so an event stays in the same bar.
  const barDuration = range / BAR_COUNT;
  const end = Math.ceil(now / barDuration) * barDuration;
  const bars = countByBar(drawn, end - range, range);
  const axisMax = Math.max(MIN_AXIS, ...bars.map((counts) => sum(counts)));
  const left = Math.max(MIN_LEFT, LABEL_GAP + DIGIT * String(axisMax).length);
  const barWidth = (width - left) / BAR_COUNT;
  const timeLabel = (fraction: number) => {
    const age = range * (1 - fraction);
    if (showsTimes) return formatAxisTime(now - age, range);
    return age > 0 ? `${formatDuration(age)} ago` : "now";
  };
  const size = { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` };
  figure.replaceChildren(
    svg(
      "svg",
      { ...size, role: "img", "aria-labelledby": "chart-title" },
      svg("title", { id: "chart-title" }, describeChart(drawn, range)),
      ...axes(axisMax, left, width, timeLabel),
      ...bars.flatMap((counts, index) =>
        stackedBar(counts, left + index * barWidth, barWidth, axisMax),
      ),
    ),
    html("figcaption", { class: "hint" }, describeOlder(olderCount)),
  );
}

/**
 * Returns the shortest range that contains `COVERAGE` of the events in the longest range, or
 * `undefined` if there are none.
 */
function chooseRange(events: readonly DatedEvent[], now: number): number | undefined {
  const longest = RANGES.at(-1) ?? 0;
  const candidates = events.filter(({ date }) => now - date < longest);
  const oldest = candidates[Math.ceil(candidates.length * COVERAGE) - 1];
  return oldest && RANGES.find((range) => now - oldest.date < range);
}

/** Returns for each bar the number of events of each type, in the order of `EVENT_TYPES`. */
function countByBar(events: readonly DatedEvent[], start: number, range: number): number[][] {
  const bars = Array.from({ length: BAR_COUNT }, () => EVENT_TYPES.map(() => 0));
  for (const { type, date } of events) {
    const index = Math.floor(((date - start) / range) * BAR_COUNT);
    // An event may be slightly in the future, because clocks differ.
    const counts = bars[Math.min(BAR_COUNT - 1, Math.max(0, index))];
    const typeIndex = EVENT_TYPES.findIndex(({ name }) => name === type.name);
    if (counts?.[typeIndex] !== undefined) counts[typeIndex] += 1;
  }
  return bars;
}

const sum = (counts: readonly number[]): number =>
  counts.reduce((total, count) => total + count, 0);

function stackedBar(
  counts: readonly number[],
  x: number,
  barWidth: number,
  axisMax: number,
): SVGElement[] {
  const pixelsPerEvent = (HEIGHT - TOP - BOTTOM) / axisMax;
  const gap = barWidth / 8;
  let y = HEIGHT - BOTTOM;
  return counts.flatMap((count, index) => {
    const type = EVENT_TYPES[index];
    if (count === 0 || !type) return [];
    const height = count * pixelsPerEvent;
    y -= height;
    const box = { x: x + gap, y, width: barWidth - 2 * gap, height };
    return svg(
      "rect",
      { ...box, "data-type": type.name, rx: 1.5 },
      svg("title", {}, `${count} ${type.name}`),
    );
  });
}

function axes(
  axisMax: number,
  left: number,
  width: number,
  timeLabel: (fraction: number) => string,
): SVGElement[] {
  const bottom = HEIGHT - BOTTOM;
  const label = (text: string, x: number, y: number, anchor: string) =>
    svg("text", { x, y, "text-anchor": anchor }, text);
  const intervals = width < WIDE ? 2 : 4;
  const timeLabels = Array.from({ length: intervals - 1 }, (_, index) => {
    const fraction = (index + 1) / intervals;
    return label(timeLabel(fraction), left + fraction * (width - left), HEIGHT - 4, "middle");
  });
  return [
    svg("line", { x1: left, x2: width, y1: bottom, y2: bottom }),
    svg("line", { x1: left, x2: width, y1: TOP, y2: TOP, "stroke-dasharray": "2 4" }),
    label(String(axisMax), left - LABEL_GAP, TOP + 4, "end"),
    label("0", left - LABEL_GAP, bottom + 4, "end"),
    label(timeLabel(0), left, HEIGHT - 4, "start"),
    ...timeLabels,
    label(timeLabel(1), width, HEIGHT - 4, "end"),
  ];
}

function describeChart(events: readonly DatedEvent[], range: number): string {
  const counts = EVENT_TYPES.map(({ name }) => {
    const count = events.filter(({ type }) => type.name === name).length;
    return count ? `${count} ${name}` : "";
  });
  return `Events of the last ${formatDuration(range)}: ${counts.filter(Boolean).join(", ")}`;
}

function describeOlder(count: number): string {
  if (count === 0) return "";
  return count === 1 ? "1 older event is not shown." : `${count} older events are not shown.`;
}
