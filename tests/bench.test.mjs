// The measurements themselves, with numbers too small to say anything: that they can be made.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { ROOT } from "../scripts/toolchain.mjs";

const bench = (...args) =>
  promisify(execFile)(process.execPath, [join(ROOT, "bench/main.mjs"), "--no-build", ...args]);

test("npm run bench measures both sides", async () => {
  const few = ["--rounds", "1", "--scale", "0.01", "--json", "--only", "fan-out,storm"];
  const { scenarios } = JSON.parse((await bench(...few)).stdout);
  assert.deepEqual(
    scenarios.map(({ name }) => name),
    ["fan-out", "storm"],
  );
  for (const { ratio, ours, floor } of scenarios.flatMap(({ rows }) => rows)) {
    assert.ok(ours.median > 0 && floor.median > 0);
    assert.equal(ratio, ours.median / floor.median);
  }
});

test("what cannot be asked for is refused in a sentence", async () => {
  for (const args of [
    ["--only", "none"],
    ["--rounds", "0"],
    ["--none"],
    ["--record", "--scale=2"],
  ]) {
    const { code, stderr } = await bench(...args).catch((error) => error);
    assert.equal(code, 1);
    assert.match(stderr, /: --help tells what can be asked for\.$/m);
  }
});
