// The SQL of docs/metrics.md and of the dashboard, and the columns that both use.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (file) => readFileSync(new URL(`../docs/${file}`, import.meta.url), "utf8");
const queries = [...read("metrics.md").matchAll(/^```sql\n([\s\S]*?)```/gm)].map(([, sql]) =>
  sql.trim(),
);
const dashboard = JSON.parse(read("dashboard.json"));

test("the dashboard has a panel for each query of the documentation", () => {
  assert.equal(queries.length, 5);
  const panels = dashboard.panels.flatMap(({ targets }) => targets.map(({ query }) => query));
  assert.deepEqual(panels, queries);
});

test("no panel overlaps another", () => {
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    assert.ok(x + w <= 24, "Grafana has 24 columns");
    return Array.from(
      { length: w * h },
      (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`,
    );
  });
  assert.equal(new Set(cells).size, cells.length);
});

test("every query selects one kind of data point of the dataset in wrangler.toml", () => {
  const wranglerToml = readFileSync(new URL("../wrangler.toml", import.meta.url), "utf8");
  const [, dataset] = wranglerToml.match(/^# dataset = "(.+)"$/m);
  const kinds = queries.map((sql) => {
    assert.ok(sql.includes(`\nFROM ${dataset}\n`), sql);
    return sql.match(/WHERE blob1 = '(\w+)'/)[1];
  });
  assert.deepEqual([...new Set(kinds)], ["publish", "refused", "closed", "dropped"]);
});
