// Keeps what was measured: in docs/performance.md between two marks, and as a picture.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ScriptError } from "../scripts/terminal.mjs";
import { ROOT } from "../tests/support/built_worker.mjs";
import { picture } from "./picture.mjs";
import { amount, cells, machineLine, sizeLine } from "./table.mjs";

const DOCUMENT = join(ROOT, "docs", "performance.md");
const PICTURE = join(ROOT, "docs", "images", "listeners.svg");
const [BEGIN, END] = ["<!-- measured -->", "<!-- /measured -->"];

const HEAD = ["", "ours", "p99", "floor", "p99", "ratio", "wanted", "CPU, ours", "CPU, floor"];

/** Writes the document's measured part anew. */
export function record(result) {
  const parts = readFileSync(DOCUMENT, "utf8").split(new RegExp(`${BEGIN}|${END}`));
  if (parts.length !== 3) throw new ScriptError(`docs/performance.md lacks ${BEGIN} or ${END}.`);
  const [before, , after] = parts;
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${measured(result)}\n\n${END}${after}`);
  const growth = result.scenarios.find(({ name }) => name === "growth");
  writeFileSync(PICTURE, picture(growth.rows));
}

function measured({ machine, sizes, rounds, scenarios, native }) {
  const rows = scenarios.flatMap(({ name, rows }) =>
    rows.map((row, at) => [at ? row.title : `**${name}**: ${row.title}`, ...cells(row)]),
  );
  const about = `Measured on ${machine.date}, ${rounds} rounds. ${machineLine(machine)}.`;
  return [
    about,
    markdown(HEAD, rows),
    `Size: ${sizeLine(sizes)}.`,
    ...(native ? [markdown(["the core, natively", "median"], native.map(nativeCells))] : []),
  ].join("\n\n");
}

const nativeCells = ({ name, nanoseconds }) => [name, amount(nanoseconds / 1e6)];

function markdown(head, rows) {
  const line = (texts) => `| ${texts.join(" | ")} |`;
  const aligned = head.map((_, at) => (at ? "--:" : "---"));
  return [head, aligned, ...rows].map(line).join("\n");
}
