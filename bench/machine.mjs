// On what it was measured, and how big what was measured is.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { cpus, loadavg, release, type } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { BUILT_WORKER, ROOT } from "../tests/support/built_worker.mjs";

const says = (program, ...args) => execFileSync(program, args, { encoding: "utf8" }).trim();

export const machine = () => ({
  processor: cpus()[0].model,
  cores: cpus().length,
  system: `${type()} ${release().match(/^\d+\.\d+/)?.[0] ?? release()}`,
  workerd: says(join(ROOT, "node_modules/.bin/workerd"), "--version").split(" ").at(-1),
  node: process.version,
  load: loadavg()[0],
  date: new Date().toISOString().slice(0, 10),
});

/**
 * How many sockets one runtime can have open here: this system lets a process have so many
 * descriptors, and workerd takes two for each socket.
 */
export function mostSockets() {
  const most = says("sh", "-c", "ulimit -Hn");
  return most === "unlimited" ? Infinity : Math.floor((Number(most) - 200) / 2);
}

/** The bytes of the production worker, as they are and compressed. */
export function sizes() {
  const folder = join(ROOT, BUILT_WORKER);
  const index = readFileSync(join(folder, "index.js"));
  const used = readdirSync(folder).filter((file) => file.endsWith(".wasm") && index.includes(file));
  const wasm = used.map((file) => readFileSync(join(folder, file)));
  const size = (parts) => ({
    bytes: parts.reduce((sum, { length }) => sum + length, 0),
    gzip: parts.reduce((sum, part) => sum + gzipSync(part, { level: 9 }).length, 0),
  });
  return { wasm: size(wasm), bundle: size([...wasm, index]) };
}
