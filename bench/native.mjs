// The core by itself, without a runtime round it: bench/native/, by criterion.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { ScriptError } from "../scripts/terminal.mjs";
import { ROOT } from "../tests/support/built_worker.mjs";

const FOLDER = join(ROOT, "bench", "native");

/** What each took, `{name, nanoseconds}`, the median. */
export function measureNatively() {
  const { status, stderr } = spawnSync("cargo", ["bench", "--locked", "--", "--quiet"], {
    cwd: FOLDER,
    encoding: "utf8",
  });
  if (status !== 0) throw new ScriptError(`The core cannot be measured natively:\n${stderr}`);
  return globSync("target/criterion/*/*/new/estimates.json", { cwd: FOLDER }).map((file) => {
    const read = (name) => JSON.parse(readFileSync(join(FOLDER, dirname(file), name), "utf8"));
    const { title } = read("benchmark.json");
    return { name: title, nanoseconds: read("estimates.json").median.point_estimate };
  });
}
