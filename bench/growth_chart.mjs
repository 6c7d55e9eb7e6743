// Draws the results of the growth scenario as an SVG chart with logarithmic axes. A line with slope 1
// means a fixed cost per subscriber, a horizontal line means no cost per subscriber.
import { CURVES } from "./growth.mjs";

const [WIDTH, HEIGHT] = [760, 420];
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 16, 58, 48];

/** Curves differ in colour and sides in the line style, in light and dark mode. */
const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #57606a; }
    .grid { stroke: #d0d7de; }
    .line { fill: none; stroke-width: 2.5; }
    .all { stroke: #0550ae; } .all-dot { fill: #0550ae; }
    .others { stroke: #bc4c00; } .others-dot { fill: #bc4c00; }
    .floor { stroke-dasharray: 5 4; opacity: 0.75; }
    @media (prefers-color-scheme: dark) {
      text { fill: #9198a1; }
      .grid { stroke: #3d444d; }
      .all { stroke: #79c0ff; } .all-dot { fill: #79c0ff; }
      .others { stroke: #ffa657; } .others-dot { fill: #ffa657; }
    }`;

const SIDES = { ours: "the Worker", floor: "the floor" };

/** Returns the chart of the scenario's rows as an SVG document. */
export function growthChart(rows) {
  const times = rows.flatMap(({ ours, floor }) => [ours.median, floor.median]);
  const x = logScale(
    rows.map(({ size }) => size),
    LEFT,
    WIDTH - RIGHT,
  );
  const y = logScale(times, HEIGHT - BOTTOM, TOP);
  const curves = Object.keys(CURVES).flatMap((curve) =>
    Object.keys(SIDES).map((side) => {
      const points = rows
        .filter((row) => row.curve === curve)
        .map((row) =>
          [x.at(row.size), y.at(row[side].median)].map((position) => position.toFixed(1)),
        );
      const line = `<polyline class="line ${curve} ${side}" points="${points.join(" ")}"/>`;
      const dots = points.map(
        ([cx, cy]) => `<circle class="${curve}-dot" cx="${cx}" cy="${cy}" r="3"/>`,
      );
      return [line, ...dots].join("");
    }),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Milliseconds until the last subscriber receives an event, by the number of subscribers">
  <style>${STYLE}
  </style>
  ${[...legend(), ...grid(x, y), ...curves].join("\n  ")}
</svg>
`;
}

/**
 * Maps numbers to positions from `from` to `to` on a logarithmic axis that starts at a power of ten.
 * `marks` are the powers of ten on the axis.
 */
function logScale(numbers, from, to) {
  const low = Math.floor(Math.log10(Math.min(...numbers)));
  const largest = Math.max(...numbers);
  const high = Math.max(Math.log10(largest * 1.2), low + 1);
  const at = (number) => from + ((Math.log10(number) - low) / (high - low)) * (to - from);
  const count = Math.floor(high) - low + 1;
  return { at, marks: Array.from({ length: count }, (_, power) => 10 ** (low + power)) };
}

const grid = (x, y) => [
  ...x.marks.map(
    (mark) =>
      `<path class="grid" d="M${x.at(mark).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}"/>` +
      `<text x="${x.at(mark).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${mark.toLocaleString("en")}</text>`,
  ),
  ...y.marks.map(
    (mark) =>
      `<path class="grid" d="M${LEFT} ${y.at(mark).toFixed(1)}H${WIDTH - RIGHT}"/>` +
      `<text x="${LEFT - 8}" y="${(y.at(mark) + 4).toFixed(1)}" text-anchor="end">${mark.toLocaleString("en")} ms</text>`,
  ),
  `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">subscribers</text>`,
];

const legend = () =>
  Object.entries(CURVES).flatMap(([curve, { title }], row) =>
    Object.entries(SIDES).map(([side, name], column) => {
      const [left, height] = [LEFT + column * 340, 18 + row * 20];
      return (
        `<path class="line ${curve} ${side}" d="M${left} ${height}h28"/>` +
        `<text x="${left + 36}" y="${height + 4}">${name}, ${title.replaceAll("`", "")}</text>`
      );
    }),
  );
