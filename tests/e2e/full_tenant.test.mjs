// A tenant with as many sockets as it may have. So many cannot be opened on every machine, so the
// runtime tells the object of sockets that are not there: the object is built anew with each
// hibernation, and all that it then knows of its sockets is what the runtime tells.
import assert from "node:assert/strict";
import { test } from "node:test";

import { openSocket } from "../support/sockets.mjs";
import { assertError } from "../support/http.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const LIMIT = 30_000;

/** A runtime that knows `count` sockets besides the real ones, each a user's. */
const besides = (count) => `(state) => {
  const crowd = Array.from({ length: ${count} }, (_, number) => {
    const listener = { sub: "auth0|" + number, filter: "self", expires_at: 4102444800000 };
    const session = { number, connected_on: 0, invalid_messages: 0, state: { Listening: listener } };
    return { deserializeAttachment: () => JSON.stringify(session) };
  });
  return override(state, { getWebSockets: () => [...crowd, ...state.getWebSockets()] });
}`;

test("a tenant may have 30,000 sockets; one more is told to come back, and then may", async () => {
  const worker = await startWorker({ runtime: besides(LIMIT - 1) });
  const tenant = new Tenant(worker);
  const last = await tenant.subscribe();
  assert.equal((await tenant.listeners()).count, LIMIT);
  const headers = { authorization: `Bearer ${tenant.token()}` };
  for (const answer of [
    await openSocket(tenant.subscribeUrl()),
    await openSocket(tenant.subscribeUrl(), headers),
  ]) {
    await assertError(answer, 503, "too_many_sockets");
    assert.equal(answer.headers.get("retry-after"), "60");
  }
  await last.close();
  await tenant.subscribe();
});
