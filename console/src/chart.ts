// Events by type over time, as stacked bars. What the picture shows is said in words as well.
import { svg } from "./dom.ts";
import { KINDS, type Kind } from "./kinds.ts";
import { span } from "./time.ts";

const MINUTE = 60_000;
/** The spans that are drawn, in milliseconds: the shortest that holds all events. */
const SPANS = [10, 60, 6 * 60, 24 * 60, 7 * 24 * 60, 30 * 24 * 60].map((count) => count * MINUTE);
/** In pixels. */
const BAR = 12;
const HEIGHT = 120;
const LEFT = 24;
const TOP = 8;
const BOTTOM = 18;

interface Dated {
  readonly kind: Kind;
  readonly date: number;
}

/** Draws what came within the span; where nothing did, there is no chart. */
export function drawChart(figure: HTMLElement, events: readonly Dated[], now: number): void {
  const longest = SPANS.at(-1) ?? 0;
  const dated = events.filter(({ date }) => now - date < longest);
  figure.hidden = dated.length === 0;
  if (figure.hidden) return;

  const oldest = Math.min(...dated.map(({ date }) => date));
  const length = SPANS.find((length) => now - oldest < length) ?? longest;
  const width = figure.clientWidth;
  const bars = Math.max(1, Math.floor((width - LEFT) / BAR));
  const stacks = stack(dated, now - length, length, bars);
  const most = Math.max(...stacks.map((counts) => sum(counts)));
  const size = { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` };
  figure.replaceChildren(
    svg(
      "svg",
      { ...size, role: "img", "aria-labelledby": "chart-words" },
      svg("title", { id: "chart-words" }, words(dated, length)),
      ...axes(most, length, width),
      ...stacks.flatMap((counts, place) => bar(counts, (place * (width - LEFT)) / bars, most)),
    ),
  );
}

/** For each bar, how many events of each kind it stands for. */
function stack(events: readonly Dated[], from: number, length: number, bars: number): number[][] {
  const stacks = Array.from({ length: bars }, () => KINDS.map(() => 0));
  for (const { kind, date } of events) {
    const place = Math.floor(((date - from) / length) * bars);
    // An event may be a little ahead of this clock.
    const counts = stacks[Math.min(bars - 1, Math.max(0, place))];
    const index = KINDS.findIndex(({ name }) => name === kind.name);
    if (counts?.[index] !== undefined) counts[index] += 1;
  }
  return stacks;
}

const sum = (counts: readonly number[]): number =>
  counts.reduce((total, count) => total + count, 0);

function bar(counts: readonly number[], x: number, most: number): SVGElement[] {
  const unit = (HEIGHT - TOP - BOTTOM) / most;
  let y = HEIGHT - BOTTOM;
  return counts.flatMap((count, index) => {
    const kind = KINDS[index];
    if (count === 0 || !kind) return [];
    const height = count * unit;
    y -= height;
    const at = { x: LEFT + x + 1, y, width: BAR - 2, height };
    return svg("rect", { ...at, fill: "var(--kind)", "data-kind": kind.name, rx: 1 });
  });
}

function axes(most: number, length: number, width: number): SVGElement[] {
  const floor = HEIGHT - BOTTOM;
  const label = (text: string, x: number, y: number, anchor: string) =>
    svg("text", { x, y, "text-anchor": anchor }, text);
  return [
    svg("line", { x1: LEFT, x2: width, y1: floor, y2: floor }),
    svg("line", { x1: LEFT, x2: width, y1: TOP, y2: TOP, "stroke-dasharray": "2 4" }),
    label(String(most), LEFT - 6, TOP + 4, "end"),
    label("0", LEFT - 6, floor + 4, "end"),
    label(`${span(length)} ago`, LEFT, HEIGHT - 4, "start"),
    label(`${span(length / 2)}`, (LEFT + width) / 2, HEIGHT - 4, "middle"),
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
