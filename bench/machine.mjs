// Describes the machine and the size of the measured Worker.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { cpus, loadavg, release, type } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { BUILT_WORKER, ROOT } from "../tests/support/built_worker.mjs";

/** The file descriptors that workerd uses for each socket: one at the Worker, one at the object. */
const DESCRIPTORS_PER_SOCKET = 2;
const RESERVED_DESCRIPTORS = 200;

const output = (program, ...args) => execFileSync(program, args, { encoding: "utf8" }).trim();

export const machine = () => ({
  processor: cpus()[0].model,
  cores: cpus().length,
  system: `${type()} ${release().match(/^\d+\.\d+/)?.[0] ?? release()}`,
  workerd: output(join(ROOT, "node_modules/.bin/workerd"), "--version").split(" ").at(-1),
  node: process.version,
  load: loadavg()[0],
  date: new Date().toISOString().slice(0, 10),
});

/** Returns the number of sockets that one runtime can have open on this system. */
export function maxSockets() {
  const descriptors = output("sh", "-c", "ulimit -Hn");
  if (descriptors === "unlimited") return Infinity;
  return Math.floor((Number(descriptors) - RESERVED_DESCRIPTORS) / DESCRIPTORS_PER_SOCKET);
}

/** Returns the size of the production bundle in bytes, uncompressed and compressed with gzip. */
export function bundleSizes() {
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
