// Sharing of key sets between isolates. The Worker verifies tokens in headers and upgrade requests,
// and runs in many isolates. A new isolate finds the key set in a cache and does not wake the tenant
// object.
import assert from "node:assert/strict";
import { test } from "node:test";

import { authenticateOverHttp } from "../support/token_checks.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker({ runtime: "(state) => state" });

test("a new isolate uses the key set that another isolate has cached", async () => {
  const tenant = new Tenant(worker);
  const keySetRequests = async () => {
    const { requests } = await tenant.object.control();
    return requests.filter((kind) => kind === "key_set").length;
  };
  assert.equal(await authenticateOverHttp(tenant), "accepted");
  assert.equal(await keySetRequests(), 1);
  // Restarts all isolates, which also resets the count.
  await worker.reconfigure({});
  assert.equal(await authenticateOverHttp(tenant), "accepted");
  assert.equal(await keySetRequests(), 0);
  assert.equal(tenant.issuer.fetches, 1);
});
