// `npm run bench`: the worker beside the least that could do its work.
import { parseArgs } from "node:util";

import { Fault, main, Progress } from "../scripts/terminal.mjs";
import { serveIssuer } from "../tests/support/workerd.mjs";
import { People } from "./people.mjs";
import { SCENARIOS } from "./scenarios.mjs";
import { floor, ours } from "./side.mjs";

const names = SCENARIOS.map(({ name }) => name);
const { values } = parseArgs({
  options: { only: { type: "string" }, rounds: { type: "string" }, scale: { type: "string" } },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

await main(async () => {
  const { issuer, close } = await serveIssuer();
  const people = new People(issuer);
  const rounds = Number(values.rounds ?? 5);
  const scale = Number(values.scale ?? 1);
  const chosen = values.only?.split(",") ?? names;
  for (const { name, title, wanted, run } of SCENARIOS.filter(({ name }) =>
    chosen.includes(name),
  )) {
    const progress = new Progress(title, process.stderr);
    const started = [];
    const start = async ({ only } = {}) => {
      const sides = [ours(issuer), floor()].filter(({ name }) => !only || name === only);
      started.push(...sides);
      for (const side of sides) {
        await side.start();
        side.gather();
      }
      return sides;
    };
    const rows = await run({
      start,
      people,
      rounds,
      count: (number) => Math.max(1, Math.ceil(number * scale)),
      progress: (line) => progress.show(line),
    });
    for (const side of started) await side.stop();
    progress.end();
    console.log(JSON.stringify({ name, wanted, rows }, null, 1));
  }
  close();
});
