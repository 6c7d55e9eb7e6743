// Random sessions against a model. fast-check makes up what clients and publishers do, one after
// the other and at the same time, with the object thrown out of memory in between; after each step
// every socket must have been sent just what the model (support/model/model.mjs) says.
//
// A session that fails is shrunk to a short one and printed, with what replays it: `seed` and
// `path` belong into the parameters of `fc.assert` below, `replayPath` into those of `fc.commands`.
//
// For a long soak, MODEL_RUNS=2000 runs so many sessions:
//
//   MODEL_RUNS=2000 node_modules/.bin/node --test --test-force-exit tests/e2e/model.test.mjs
import { test } from "node:test";

import fc from "fast-check";

import { earlierEvents, step } from "../support/model/arbitraries.mjs";
import { Clients } from "../support/model/clients.mjs";
import { Model } from "../support/model/model.mjs";
import { publishMany } from "../support/model/operations.mjs";
import { Step, compareAll } from "../support/model/step.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const { MODEL_RUNS } = process.env;

async function hold(vars, sessions) {
  const worker = await startWorker({ vars });
  const session = async (past, commands) => {
    const model = new Model();
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
  await fc.assert(fc.asyncProperty(earlierEvents, commands, session), {
    numRuns: Number(MODEL_RUNS ?? sessions),
    // Where it is slow, fewer sessions will do.
    interruptAfterTimeLimit: MODEL_RUNS ? undefined : 60_000,
  });
}

test("whatever happens, each socket is sent what the protocol promises, once and in order", () =>
  hold({}, 60));

test("and so it is where three objects hold the sockets", () => hold({ SHARDS: "3" }, 30));
