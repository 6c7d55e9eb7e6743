// Events on their way to the listeners: each to those who may see it, to all of them, and in one
// order.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { keySetResponses } from "../support/issuer.mjs";
import { eventOf, sapi, scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

describe("events", { concurrency: true }, () => {
  test("come as they are, in their order, to every listener of everything", async () => {
    const tenant = new Tenant(worker);
    const listeners = await Promise.all(Array.from({ length: 5 }, () => tenant.subscribe()));
    const records = [slo(), scp(), sapi(), slo({ details: {}, user_id: "auth0|other" })];
    await tenant.publish(...records.slice(0, 2));
    await tenant.publish(...records.slice(2));
    for (const listener of listeners) {
      assert.deepEqual(await listener.take(4), records.map(eventOf));
      assert.deepEqual(await listener.drain(), []);
    }
  });

  test("reach a listener of its own only when they are about the token's subject", async () => {
    const tenant = new Tenant(worker);
    const jane = await tenant.subscribe({ sub: "auth0|jane", scope: "listen:events:self" });
    const john = await tenant.subscribe({ sub: "auth0|john", scope: "listen:events:self" });
    const records = [
      "auth0|john",
      "auth0|jan",
      "auth0|jane2",
      "AUTH0|JANE",
      "*",
      "self",
      "auth0|jane",
    ].map((user_id) => slo({ user_id }));
    await tenant.publish(...records);
    assert.deepEqual(await jane.next(), eventOf(records.at(-1)));
    assert.deepEqual(await jane.drain(), []);
    assert.deepEqual(await john.next(), eventOf(records[0]));
    assert.deepEqual(await john.drain(), []);
  });

  test("arrive within a moment", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe();
    const record = slo();
    const [event] = await Promise.all([listener.next(2_000), tenant.publish(record)]);
    assert.deepEqual(event, eventOf(record));
  });

  test("find every one of many listeners, and none that has left", async () => {
    const tenant = new Tenant(worker);
    const users = Array.from({ length: 12 }, (_, number) => `auth0|user-${number}`);
    const join = (sub) => tenant.subscribe({ sub, scope: "listen:events:self" });
    const [leaving, staying, late] = [[], [], []];
    for (const sub of users) leaving.push(await join(sub));
    for (const sub of users) staying.push(await join(sub));
    await Promise.all(leaving.map((listener) => listener.close(1000)));
    for (const sub of users.slice(0, 4)) late.push(await join(sub));

    const records = users.toReversed().map((user_id) => slo({ user_id }));
    await tenant.publish(...records);
    for (const [index, listener] of [...staying.entries(), ...late.entries()]) {
      assert.deepEqual(await listener.next(), eventOf(records.at(-1 - index)));
      assert.deepEqual(await listener.drain(), []);
    }
    assert.deepEqual(
      leaving.flatMap((listener) => listener.remaining()),
      [],
    );
    assert.equal((await tenant.listeners()).count, 16);
  });

  test("come in one order to everybody, also from batches that are published at once", async () => {
    const tenant = new Tenant(worker);
    const listeners = await Promise.all(Array.from({ length: 4 }, () => tenant.subscribe()));
    await Promise.all(Array.from({ length: 20 }, () => tenant.publish(slo(), scp())));
    const order = (await tenant.events()).reverse();
    assert.equal(order.length, 40);
    for (const listener of listeners) assert.deepEqual(await listener.take(40), order);
  });

  test("keep every letter of what they carry", async () => {
    const tenant = new Tenant(worker);
    const sub = 'oauth2|Łódź|\u{1F36A}|\u2028|"quoted"|\\|\u0001|%7C|<>';
    const own = await tenant.subscribe({ sub, scope: "listen:events:self" });
    const record = slo({ user_id: sub, details: { session_id: '\u00e9\u{1F511}"' } });
    await tenant.publish(slo({ user_id: "oauth2" }), record);
    assert.deepEqual(await own.next(), eventOf(record));
    assert.deepEqual((await tenant.events())[0], eventOf(record));
  });

  test("are not held up by a listener whose token is still being checked", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe();
    const waiting = await tenant.connect();
    tenant.issuer.behaviour = keySetResponses.slow(4_000);
    waiting.send({ type: "authenticate", access_token: tenant.token({}, { kid: "unknown" }) });
    await waitFor(() => tenant.issuer.fetches === 2);
    const record = slo();
    const [event] = await Promise.all([listener.next(3_000), tenant.publish(record)]);
    assert.deepEqual(event, eventOf(record));
    assert.equal((await waiting.next()).error, "invalid_token");
  });
});
