// Writes the results to docs/performance.md, between two markers, and as an SVG chart.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ScriptError } from "../scripts/terminal.mjs";
import { ROOT } from "../tests/support/built_worker.mjs";
import { growthChart } from "./growth_chart.mjs";
import { formatAmount, formatCells, formatMachine, formatSizes } from "./table.mjs";

const DOCUMENT = join(ROOT, "docs", "performance.md");
const CHART = join(ROOT, "docs", "images", "listeners.svg");
const [BEGIN, END] = ["<!-- measured -->", "<!-- /measured -->"];

const HEADER = ["", "ours", "p99", "floor", "p99", "ratio", "target", "CPU, ours", "CPU, floor"];

/** Replaces the section of results in the document, and the chart. */
export function writeReport(result) {
  const parts = readFileSync(DOCUMENT, "utf8").split(new RegExp(`${BEGIN}|${END}`));
  if (parts.length !== 3)
    throw new ScriptError(`docs/performance.md lacks a marker. Add ${BEGIN} and ${END} once each.`);
  const [before, , after] = parts;
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${formatResult(result)}\n\n${END}${after}`);
  const growth = result.scenarios.find(({ name }) => name === "growth");
  writeFileSync(CHART, growthChart(growth.rows));
}

function formatResult({ machine, sizes, rounds, scenarios, native }) {
  const rows = scenarios.flatMap(({ name, rows }) =>
    rows.map((row, index) => [
      index ? row.title : `**${name}**: ${row.title}`,
      ...formatCells(row),
    ]),
  );
  const summary = `Measured on ${machine.date}, ${rounds} rounds. ${formatMachine(machine)}.`;
  return [
    summary,
    markdown(HEADER, rows),
    `Size: ${formatSizes(sizes)}.`,
    ...(native ? [markdown(["the core, natively", "median"], native.map(formatNative))] : []),
  ].join("\n\n");
}

const formatNative = ({ name, nanoseconds }) => [name, formatAmount(nanoseconds / 1e6)];

function markdown(header, rows) {
  const line = (texts) => `| ${texts.join(" | ")} |`;
  const alignment = header.map((_, index) => (index ? "--:" : "---"));
  return [header, alignment, ...rows].map(line).join("\n");
}
