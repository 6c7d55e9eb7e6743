// docs/security.md names a test for each threat. Here it is seen that they exist.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const document = readFileSync(join(ROOT, "docs/security.md"), "utf8");
const rows = [...document.matchAll(/^\| (.+?) \| .+ \| `([\w./]+)`: "(.+)" \|$/gm)];

test("each threat in docs/security.md names a test that exists", () => {
  const threats = document.match(/^\| Threat \|/gm).length;
  assert.ok(threats >= 8 && rows.length >= 30, `${rows.length} rows of ${threats} tables`);
  for (const [, threat, file, name] of rows) {
    const script = join(ROOT, "tests/e2e", `${file}.test.mjs`);
    assert.ok(existsSync(script), `${threat}: there is no ${file}`);
    assert.ok(readFileSync(script, "utf8").includes(name), `${threat}: no "${name}" in ${file}`);
  }
});

test("no row of its tables is without a test", () => {
  const tables = document.split("\n## ").filter((part) => part.includes("| Threat |"));
  for (const line of tables.flatMap((table) => table.split("\n"))) {
    if (!line.startsWith("| ") || line.startsWith("| Threat |")) continue;
    assert.ok(
      rows.some(([row]) => row === line),
      line,
    );
  }
});
