// The limit of 30,000 sockets per tenant. Not every machine can open that many, so the altered
// runtime reports sockets that do not exist. This works because a tenant object that is constructed
// again after hibernation learns about its sockets from `getWebSockets()` alone.
import assert from "node:assert/strict";
import { test } from "node:test";

import { openSocket } from "../support/sockets.mjs";
import { assertError } from "../support/http.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const LIMIT = 30_000;

/** A runtime that reports `count` fake sockets, each of another user, in addition to the real ones. */
const withFakeSockets = (count) => `(state) => {
  const fakes = Array.from({ length: ${count} }, (_, number) => {
    const listener = { sub: "auth0|" + number, filter: "self", expires_at: 4102444800000 };
    const session = { number, connected_on: 0, invalid_messages: 0, state: { Listening: listener } };
    return { deserializeAttachment: () => JSON.stringify(session) };
  });
  return override(state, { getWebSockets: () => [...fakes, ...state.getWebSockets()] });
}`;

test("a tenant accepts 30,000 sockets, refuses another with 503, and accepts it after one has closed", async () => {
  const worker = await startWorker({ runtime: withFakeSockets(LIMIT - 1) });
  const tenant = new Tenant(worker);
  const last = await tenant.subscribe();
  assert.equal((await tenant.listeners()).count, LIMIT);
  const headers = { authorization: `Bearer ${tenant.token()}` };
  for (const response of [
    await openSocket(tenant.subscribeUrl()),
    await openSocket(tenant.subscribeUrl(), headers),
  ]) {
    await assertError(response, 503, "too_many_sockets");
    assert.equal(response.headers.get("retry-after"), "60");
  }
  await last.close();
  await tenant.subscribe();
});
