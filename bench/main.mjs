// `npm run bench`: the worker beside the least that could do its work.
import { spawnSync } from "node:child_process";

import { ScriptError, main, Progress } from "../scripts/terminal.mjs";
import { ROOT } from "../tests/support/built_worker.mjs";
import { serveIssuer } from "../tests/support/workerd.mjs";
import { machine, mostSockets, sizes } from "./machine.mjs";
import { HELP, readOptions } from "./options.mjs";
import { People } from "./people.mjs";
import { measureNatively } from "./native.mjs";
import { record } from "./record.mjs";
import { measure } from "./run.mjs";
import { SCENARIOS } from "./scenarios.mjs";
import { amount, heading, lines, machineLine, sizeLine } from "./table.mjs";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));
// Each runtime sees to its own end when this process ends.
process.setMaxListeners(0);

/** The most that a scenario needs; those that take more do with what there is. */
const SOCKETS = 5_000;

await main(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  const print = options.json ? () => {} : console.log;
  const most = mostSockets();
  if (most < SOCKETS * options.scale) {
    throw new ScriptError(
      "This system lets a process open too few files: raise the limit, as with `ulimit -n 20000`.",
    );
  }
  if (options.build) build();

  const result = { machine: machine(), sizes: sizes(), rounds: options.rounds, scenarios: [] };
  print(machineLine(result.machine));
  print(`${sizeLine(result.sizes)}\n\n${heading()}`);
  const { issuer, close } = await serveIssuer();
  const known = { issuer, people: new People(issuer), options, most };
  try {
    for (const scenario of SCENARIOS.filter(({ name }) => options.only.includes(name))) {
      const progress = new Progress(scenario.title, process.stderr);
      let rows;
      try {
        rows = await measure(scenario, { ...known, progress: (text) => progress.show(text) });
      } finally {
        progress.end();
      }
      const { name } = scenario;
      result.scenarios.push({ name, rows });
      lines({ name, rows }).forEach((line) => print(line));
    }
  } finally {
    close();
  }
  if (options.native) {
    const progress = new Progress("The core, natively", process.stderr);
    result.native = measureNatively();
    progress.end();
    print("");
    for (const { name, nanoseconds } of result.native) {
      print(`${name.padEnd(40)} ${amount(nanoseconds / 1e6).padStart(9)}`);
    }
  }
  if (options.record) record(result);
  if (options.json) console.log(JSON.stringify(result, null, 2));
});

/** What is measured is what would be deployed. */
function build() {
  const progress = new Progress("Building the worker for production", process.stderr);
  const { status, stderr } = spawnSync("npm", ["run", "--silent", "deploy:dry-run"], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
  progress.end();
  if (status !== 0) throw new ScriptError(`The worker cannot be built:\n${stderr}`);
}
