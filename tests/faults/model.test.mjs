// Random test runs against a model of the protocol. fast-check generates the actions of clients and
// publishers, sequential and concurrent, with evictions of the object in between. After each step,
// every socket must have received exactly the messages that the model (support/model/model.mjs)
// predicts.
//
// fast-check shrinks a failing run and prints it with the values that replay it. Set `seed` and
// `path` in the parameters of `fc.assert` below, and `replayPath` in those of `fc.commands`.
//
// MODEL_RUNS sets the number of runs and removes the time limit:
//
//   MODEL_RUNS=2000 node_modules/.bin/node --test --test-force-exit tests/faults/model.test.mjs
import { test } from "node:test";

import fc from "fast-check";

import { WITHOUT_DEADLINE } from "../support/instrumented_runtime.mjs";
import { earlierEvents, step } from "../support/model/arbitraries.mjs";
import { Clients } from "../support/model/clients.mjs";
import { Model } from "../support/model/model.mjs";
import { publishMany } from "../support/model/operations.mjs";
import { Step, compareAll } from "../support/model/step.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const { MODEL_RUNS } = process.env;

/** More events than a run publishes. */
const MARGIN = 1_000;

async function checkRandomRuns(vars, defaultRuns) {
  const worker = await startWorker({ vars, runtime: WITHOUT_DEADLINE });
  const run = async (past, commands) => {
    const model = new Model({ margin: vars.SHARDS ? MARGIN : 0 });
    const clients = new Clients(new Tenant(worker));
    try {
      if (past > 0) await new Step([publishMany({ count: past })]).run(model, clients);
      await fc.asyncModelRun(() => ({ model, real: clients }), commands);
      await compareAll(model, clients);
    } finally {
      clients.end();
    }
  };
  const commands = fc.commands([step], { maxCommands: 120, size: "max" });
  await fc.assert(fc.asyncProperty(earlierEvents, commands, run), {
    numRuns: Number(MODEL_RUNS ?? defaultRuns),
    // A slow machine may do fewer runs.
    interruptAfterTimeLimit: MODEL_RUNS ? undefined : 60_000,
  });
}

test("in random runs, each socket receives the messages that the model predicts, once and in order", () =>
  checkRandomRuns({}, 60));

test("the same holds for a tenant with three shards", () => checkRandomRuns({ SHARDS: "3" }, 30));
