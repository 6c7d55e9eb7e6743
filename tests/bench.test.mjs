// Runs the benchmarks at a very small scale. It tests that they work, not their results.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { ROOT } from "../scripts/toolchain.mjs";

const bench = (...args) =>
  promisify(execFile)(process.execPath, [join(ROOT, "bench/main.mjs"), "--no-build", ...args]);

test("npm run bench measures the Worker and the floor", async () => {
  const options = ["--rounds", "1", "--scale", "0.01", "--json", "--only", "fan-out,storm"];
  const { scenarios } = JSON.parse((await bench(...options)).stdout);
  assert.deepEqual(
    scenarios.map(({ name }) => name),
    ["fan-out", "storm"],
  );
  for (const { ratio, ours, floor } of scenarios.flatMap(({ rows }) => rows)) {
    assert.ok(ours.median > 0 && floor.median > 0);
    assert.equal(ratio, ours.median / floor.median);
  }
});

test("noisy-neighbour compares an event's time during each flood with that without it", async () => {
  const options = ["--rounds", "1", "--scale", "0.01", "--json", "--only", "noisy-neighbour"];
  const [{ rows }] = JSON.parse((await bench(...options)).stdout).scenarios;
  assert.equal(rows.length, 3);
  for (const { ours, floor, target } of rows) {
    assert.ok(ours.samples > 0 && floor.samples > 0);
    assert.equal(target, 3);
  }
});

test("Invalid options are rejected with a message that refers to --help", async () => {
  for (const args of [
    ["--only", "none"],
    ["--rounds", "0"],
    ["--none"],
    ["--record", "--scale=2"],
  ]) {
    const { code, stderr } = await bench(...args).catch((error) => error);
    assert.equal(code, 1);
    assert.match(stderr, /\. Use --help to list the options\.$/m);
  }
});
