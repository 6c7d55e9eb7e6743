// `npm run bench`: compares the Worker with the floor (bench/floor/index.js).
import { spawnSync } from "node:child_process";

import { ScriptError, main, Progress } from "../scripts/terminal.mjs";
import { ROOT } from "../tests/support/built_worker.mjs";
import { serveIssuer } from "../tests/support/workerd.mjs";
import { bundleSizes, machine, maxSockets } from "./machine.mjs";
import { measureNatively } from "./native.mjs";
import { HELP, readOptions } from "./options.mjs";
import { writeReport } from "./report.mjs";
import { runScenario } from "./run.mjs";
import { SCENARIOS } from "./scenarios.mjs";
import { Subscribers } from "./subscribers.mjs";
import {
  formatAmount,
  formatHeader,
  formatMachine,
  formatScenario,
  formatSizes,
} from "./table.mjs";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));
// Every runtime adds a listener for this process's exit. There may be more than Node's limit.
process.setMaxListeners(0);

/** The minimum number of sockets. Scenarios that want more use as many as the system allows. */
const REQUIRED_SOCKETS = 5_000;

await main(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  const print = options.json ? () => {} : console.log;
  const socketLimit = maxSockets();
  if (socketLimit < REQUIRED_SOCKETS * options.scale) {
    throw new ScriptError(
      "The system's limit of open files is too low. Raise it, for example with `ulimit -n 20000`.",
    );
  }
  if (options.build) build();

  const result = {
    machine: machine(),
    sizes: bundleSizes(),
    rounds: options.rounds,
    scenarios: [],
  };
  print(formatMachine(result.machine));
  print(`${formatSizes(result.sizes)}\n\n${formatHeader()}`);
  const { issuer, close } = await serveIssuer();
  const context = {
    issuer,
    subscribers: new Subscribers(issuer),
    options,
    maxSockets: socketLimit,
  };
  try {
    for (const scenario of SCENARIOS.filter(({ name }) => options.only.includes(name))) {
      const progress = new Progress(scenario.title, process.stderr);
      let rows;
      try {
        rows = await runScenario(scenario, {
          ...context,
          progress: (text) => progress.show(text),
        });
      } finally {
        progress.end();
      }
      const { name } = scenario;
      result.scenarios.push({ name, rows });
      formatScenario({ name, rows }).forEach((line) => print(line));
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
      print(`${name.padEnd(40)} ${formatAmount(nanoseconds / 1e6).padStart(9)}`);
    }
  }
  if (options.record) writeReport(result);
  if (options.json) console.log(JSON.stringify(result, null, 2));
});

/** Builds the Worker for production, because the measurement is of the deployed bundle. */
function build() {
  const progress = new Progress("Building the Worker for production", process.stderr);
  const { status, stderr } = spawnSync("npm", ["run", "--silent", "bundle"], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
  progress.end();
  if (status !== 0) {
    throw new ScriptError(`The Worker could not be built. Fix the build first:\n${stderr}`);
  }
}
