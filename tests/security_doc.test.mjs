// The tables in docs/security.md name a test for each threat. These tests check that it exists.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const document = readFileSync(join(ROOT, "docs/security.md"), "utf8");
const rows = [...document.matchAll(/^\| (.+?) \| .+ \| `([\w./]+)`: "(.+)" \|$/gm)];

test("every test that docs/security.md names exists", () => {
  const threats = document.match(/^\| Threat \|/gm).length;
  assert.ok(threats >= 8 && rows.length >= 30, `${rows.length} rows of ${threats} tables`);
  for (const [, threat, file, name] of rows) {
    const script = join(ROOT, "tests/e2e", `${file}.test.mjs`);
    assert.ok(existsSync(script), `${threat}: ${file} does not exist`);
    assert.ok(
      readFileSync(script, "utf8").includes(name),
      `${threat}: ${file} contains no "${name}"`,
    );
  }
});

test("every threat in docs/security.md names a test", () => {
  const tables = document.split("\n## ").filter((part) => part.includes("| Threat |"));
  for (const line of tables.flatMap((table) => table.split("\n"))) {
    if (!line.startsWith("| ") || line.startsWith("| Threat |")) continue;
    assert.ok(
      rows.some(([row]) => row === line),
      line,
    );
  }
});
