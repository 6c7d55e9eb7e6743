// Events by type over time, as stacked bars. What the picture shows is said in words as well.
import { html, svg } from "./dom.ts";
import { KINDS, type Kind } from "./kinds.ts";
import { span } from "./time.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/**
 * The spans that are drawn, in milliseconds: the shortest that holds most events. Their quarters
 * are whole numbers, which is what stands below the chart.
 */
const SPANS = [20 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, DAY, 8 * DAY, 32 * DAY];
/** So large a share is most. An old event or two must not press all others into one bar. */
const MOST = 3 / 4;
/** Each span is cut into so many bars: of 30 seconds, a minute and a half, … 19 hours. */
const BARS = 40;
/** The axis is never shorter than this many events, lest a lone one look like a flood. */
const LEAST = 3;
/** In pixels. */
const HEIGHT = 120;
const LEFT = 24;
const TOP = 8;
const BOTTOM = 22;
/** A chart that is narrower has room for half of the labels. */
const WIDE = 480;

interface Dated {
  readonly kind: Kind;
  readonly date: number;
}

/**
 * Draws what came within the span, of events that come newest first, and counts what is older.
 * Where nothing did, there is no chart.
 */
export function drawChart(figure: HTMLElement, events: readonly Dated[], now: number): void {
  const longest = SPANS.at(-1) ?? 0;
  const dated = events.filter(({ date }) => now - date < longest);
  figure.hidden = dated.length === 0;
  if (figure.hidden) return;

  const width = figure.clientWidth;
  // There may be no room, as in a frame of no width.
  if (width <= LEFT) return figure.replaceChildren();

  const oldest = dated[Math.ceil(dated.length * MOST) - 1]?.date ?? now;
  const length = SPANS.find((length) => now - oldest < length) ?? longest;
  const drawn = dated.filter(({ date }) => now - date < length);
  const older = events.filter(({ date }) => now - date >= length).length;
  // Bars begin at fixed times: they move on together, and no event changes from one to another.
  const end = Math.ceil(now / (length / BARS)) * (length / BARS);
  const stacks = stack(drawn, end - length, length);
  const most = Math.max(LEAST, ...stacks.map((counts) => sum(counts)));
  const step = (width - LEFT) / BARS;
  const size = { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` };
  figure.replaceChildren(
    svg(
      "svg",
      { ...size, role: "img", "aria-labelledby": "chart-words" },
      svg("title", { id: "chart-words" }, words(drawn, length)),
      ...axes(most, length, width),
      ...stacks.flatMap((counts, place) => bar(counts, LEFT + place * step, step, most)),
    ),
    html("figcaption", { class: "hint" }, olderWords(older)),
  );
}

/** For each bar, how many events of each kind it stands for. */
function stack(events: readonly Dated[], from: number, length: number): number[][] {
  const stacks = Array.from({ length: BARS }, () => KINDS.map(() => 0));
  for (const { kind, date } of events) {
    const place = Math.floor(((date - from) / length) * BARS);
    // An event may be a little ahead of this clock.
    const counts = stacks[Math.min(BARS - 1, Math.max(0, place))];
    const index = KINDS.findIndex(({ name }) => name === kind.name);
    if (counts?.[index] !== undefined) counts[index] += 1;
  }
  return stacks;
}

const sum = (counts: readonly number[]): number =>
  counts.reduce((total, count) => total + count, 0);

function bar(counts: readonly number[], x: number, step: number, most: number): SVGElement[] {
  const unit = (HEIGHT - TOP - BOTTOM) / most;
  let y = HEIGHT - BOTTOM;
  return counts.flatMap((count, index) => {
    const kind = KINDS[index];
    if (count === 0 || !kind) return [];
    const height = count * unit;
    y -= height;
    const gap = step / 8;
    const at = { x: x + gap, y, width: step - 2 * gap, height };
    return svg(
      "rect",
      { ...at, "data-kind": kind.name, rx: 1.5 },
      svg("title", {}, `${count} ${kind.name}`),
    );
  });
}

function axes(most: number, length: number, width: number): SVGElement[] {
  const floor = HEIGHT - BOTTOM;
  const label = (text: string, x: number, y: number, anchor: string) =>
    svg("text", { x, y, "text-anchor": anchor }, text);
  const parts = width < WIDE ? 2 : 4;
  const times = Array.from({ length: parts - 1 }, (_, index) => {
    const part = (index + 1) / parts;
    const text = `${span(length * (1 - part))} ago`;
    return label(text, LEFT + part * (width - LEFT), HEIGHT - 4, "middle");
  });
  return [
    svg("line", { x1: LEFT, x2: width, y1: floor, y2: floor }),
    svg("line", { x1: LEFT, x2: width, y1: TOP, y2: TOP, "stroke-dasharray": "2 4" }),
    label(String(most), LEFT - 6, TOP + 4, "end"),
    label("0", LEFT - 6, floor + 4, "end"),
    label(`${span(length)} ago`, LEFT, HEIGHT - 4, "start"),
    ...times,
    label("now", width, HEIGHT - 4, "end"),
  ];
}

function words(events: readonly Dated[], length: number): string {
  const counts = KINDS.map(({ name }) => {
    const count = events.filter(({ kind }) => kind.name === name).length;
    return count ? `${count} ${name}` : "";
  });
  return `Events of the last ${span(length)}: ${counts.filter(Boolean).join(", ")}`;
}

function olderWords(count: number): string {
  if (count === 0) return "";
  return count === 1 ? "1 older event is not drawn." : `${count} older events are not drawn.`;
}
