// A token on the upgrade, or in a header, is checked by the Worker, which is many isolates. One
// that has just started need not wake the tenant's object to know the keys.
import assert from "node:assert/strict";
import { test } from "node:test";

import { authenticateOverHttp } from "../support/token_checks.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker({ runtime: "(state) => state" });

test("an isolate that has just started takes the keys that another has left", async () => {
  const tenant = new Tenant(worker);
  const asked = async () => {
    const { requests } = await tenant.hub.control();
    return requests.filter((kind) => kind === "KeySet").length;
  };
  assert.equal(await authenticateOverHttp(tenant), "accepted");
  assert.equal(await asked(), 1);
  // All isolates start anew, and with them what is counted.
  await worker.reconfigure({});
  assert.equal(await authenticateOverHttp(tenant), "accepted");
  assert.equal(await asked(), 0);
  assert.equal(tenant.issuer.fetches, 1);
});
