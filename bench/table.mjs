// Formats the results as text for the terminal.
import { paint } from "../scripts/terminal.mjs";

const HEADER = ["", "ours", "p99", "floor", "p99", "ratio", "target", "CPU ours", "floor"];

/** Formats a number with its unit and about three significant digits. */
export function formatAmount(number, unit = "ms") {
  if (number === undefined) return "";
  if (unit === "ms" && number < 0.001) return `${(number * 1e6).toFixed(0)} ns`;
  if (unit === "ms" && number < 1) return `${(number * 1000).toPrecision(3)} µs`;
  const digits = number >= 100 ? 0 : number >= 10 ? 1 : 2;
  return `${number.toFixed(digits)} ${unit}`;
}

/** Formats the target of a ratio, and whether the ratio is within it. */
const formatTarget = ({ target, ratio }) =>
  target === undefined ? "" : `${ratio <= target ? "✓" : "✗"} ≤ ${target}`;

/** Formats the cells of a row, without its title. */
export const formatCells = ({ ours, floor, ratio, target, unit }) => [
  formatAmount(ours.median, unit),
  formatAmount(ours.p99, unit),
  formatAmount(floor.median, unit),
  formatAmount(floor.p99, unit),
  ratio.toFixed(2),
  formatTarget({ target, ratio }),
  formatAmount(ours.cpu),
  formatAmount(floor.cpu),
];

const WIDTHS = [15, 9, 9, 9, 9, 6, 9, 9, 9];
const formatLine = (texts) =>
  texts
    .map((text, index) => (index ? text.padStart(WIDTHS[index]) : text.padEnd(WIDTHS[index])))
    .join(" ");

export const formatHeader = () => paint("bold", formatLine(HEADER));

/** Formats a scenario's rows as lines. Each row is preceded by a line with its title. */
export function formatScenario({ name, rows }) {
  return rows.flatMap((row, index) => {
    const text = formatLine([index ? "" : name, ...formatCells(row)]).trimEnd();
    const missed = row.target !== undefined && row.ratio > row.target;
    const colour = missed ? "red" : row.target === undefined ? undefined : "green";
    return [paint("dim", row.title), colour ? paint(colour, text) : text];
  });
}

export const formatMachine = ({ processor, cores, system, workerd, node, load }) =>
  `${processor}, ${cores} cores, ${system}; workerd ${workerd}, node ${node}; ` +
  `load average at the start ${load.toFixed(1)}`;

const kilobytes = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`;
const size = ({ bytes, gzip }) => `${kilobytes(gzip)} compressed (${kilobytes(bytes)})`;

export const formatSizes = ({ wasm, bundle }) =>
  `WebAssembly ${size(wasm)}, with its JavaScript ${size(bundle)}`;
