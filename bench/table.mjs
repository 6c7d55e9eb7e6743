// The table, for the eye.
import { paint } from "../scripts/terminal.mjs";

const HEAD = ["", "ours", "p99", "floor", "p99", "ratio", "wanted", "CPU ours", "floor"];

/** A number and its unit, with three digits that count. */
export function amount(number, unit = "ms") {
  if (number === undefined) return "";
  if (unit === "ms" && number < 0.001) return `${(number * 1e6).toFixed(0)} ns`;
  if (unit === "ms" && number < 1) return `${(number * 1000).toPrecision(3)} µs`;
  const digits = number >= 100 ? 0 : number >= 10 ? 1 : 2;
  return `${number.toFixed(digits)} ${unit}`;
}

/** The limit of a ratio, and whether it was kept. */
export const verdict = ({ wanted, ratio }) =>
  wanted === undefined ? "" : `${ratio <= wanted ? "✓" : "✗"} ≤ ${wanted}`;

/** The cells of a row. */
export const cells = ({ ours, floor, ratio, wanted, unit }) => [
  amount(ours.median, unit),
  amount(ours.p99, unit),
  amount(floor.median, unit),
  amount(floor.p99, unit),
  ratio.toFixed(2),
  verdict({ wanted, ratio }),
  amount(ours.cpu),
  amount(floor.cpu),
];

const WIDTHS = [8, 9, 9, 9, 9, 6, 9, 9, 9];
const line = (texts) =>
  texts.map((text, at) => (at ? text.padStart(WIDTHS[at]) : text.padEnd(WIDTHS[at]))).join(" ");

export const heading = () => paint("bold", line(HEAD));

/** A scenario's rows, what each is of above it. */
export function lines({ name, rows }) {
  return rows.flatMap((row, at) => {
    const text = line([at ? "" : name, ...cells(row)]).trimEnd();
    const missed = row.wanted !== undefined && row.ratio > row.wanted;
    const colour = missed ? "red" : row.wanted === undefined ? undefined : "green";
    return [paint("dim", row.title), colour ? paint(colour, text) : text];
  });
}

export const machineLine = ({ processor, cores, system, workerd, node, load }) =>
  `${processor}, ${cores} cores, ${system}; workerd ${workerd}, node ${node}; ` +
  `load average at the start ${load.toFixed(1)}`;

const kilobytes = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`;
const size = ({ bytes, gzip }) => `${kilobytes(gzip)} compressed (${kilobytes(bytes)})`;

export const sizeLine = ({ wasm, bundle }) =>
  `WebAssembly ${size(wasm)}, with its JavaScript ${size(bundle)}`;
