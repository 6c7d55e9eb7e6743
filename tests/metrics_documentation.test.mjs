// The SQL of docs/metrics.md and of the dashboard, and the columns that both use.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { promisify } from "node:util";

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

test("the command sends a query as it is written, with its line breaks", async (t) => {
  const server = createServer(async (request, response) => {
    response.end((await request.toArray()).join(""));
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const [, command] = read("metrics.md").match(/^```sh\n(curl [\s\S]*?)```/m);
  const script = command
    .replace(/"https:[^"]+"/, `--silent http://127.0.0.1:${server.address().port}/`)
    .replace("\n…\n", `\n${queries[0]}\n`);
  const { stdout } = await promisify(execFile)("sh", ["-c", script]);
  assert.equal(stdout.trim(), queries[0]);
});
