// Runs the native benchmarks of the core, which are in bench/native/ and use criterion.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { ScriptError } from "../scripts/terminal.mjs";
import { ROOT } from "../tests/support/built_worker.mjs";

const FOLDER = join(ROOT, "bench", "native");

/** Returns the median time of each benchmark as `{name, nanoseconds}`. */
export function measureNatively() {
  const { status, stderr } = spawnSync("cargo", ["bench", "--locked", "--", "--quiet"], {
    cwd: FOLDER,
    encoding: "utf8",
  });
  if (status !== 0) {
    throw new ScriptError(
      `The native benchmarks failed. See the output of cargo bench:\n${stderr}`,
    );
  }
  return globSync("target/criterion/*/*/new/estimates.json", { cwd: FOLDER }).map((file) => {
    const read = (name) => JSON.parse(readFileSync(join(FOLDER, dirname(file), name), "utf8"));
    const { title } = read("benchmark.json");
    return { name: title, nanoseconds: read("estimates.json").median.point_estimate };
  });
}
