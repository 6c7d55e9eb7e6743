// The delivery of events: every subscriber receives all events that it may see, in the same order.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { keySetResponses } from "../support/issuer.mjs";
import { eventOf, sapi, scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

describe("events", { concurrency: true }, () => {
  test("reach every subscriber to all events unchanged and in order", async () => {
    const tenant = new Tenant(worker);
    const subscribers = await Promise.all(Array.from({ length: 5 }, () => tenant.subscribe()));
    const records = [slo(), scp(), sapi(), slo({ details: {}, user_id: "auth0|other" })];
    await tenant.publish(...records.slice(0, 2));
    await tenant.publish(...records.slice(2));
    for (const subscriber of subscribers) {
      assert.deepEqual(await subscriber.take(4), records.map(eventOf));
      assert.deepEqual(await subscriber.drain(), []);
    }
  });

  test("reach a subscriber to its own events only if the user is the subject of its token", async () => {
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

  test("arrive within two seconds", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    const record = slo();
    const [event] = await Promise.all([subscriber.next(2_000), tenant.publish(record)]);
    assert.deepEqual(event, eventOf(record));
  });

  test("reach each of many subscribers, and none that has disconnected", async () => {
    const tenant = new Tenant(worker);
    const users = Array.from({ length: 12 }, (_, number) => `auth0|user-${number}`);
    const subscribe = (sub) => tenant.subscribe({ sub, scope: "listen:events:self" });
    const [disconnected, connected, late] = [[], [], []];
    for (const sub of users) disconnected.push(await subscribe(sub));
    for (const sub of users) connected.push(await subscribe(sub));
    await Promise.all(disconnected.map((subscriber) => subscriber.close(1000)));
    for (const sub of users.slice(0, 4)) late.push(await subscribe(sub));

    const records = users.toReversed().map((user_id) => slo({ user_id }));
    await tenant.publish(...records);
    for (const [index, subscriber] of [...connected.entries(), ...late.entries()]) {
      assert.deepEqual(await subscriber.next(), eventOf(records.at(-1 - index)));
      assert.deepEqual(await subscriber.drain(), []);
    }
    assert.deepEqual(
      disconnected.flatMap((subscriber) => subscriber.remaining()),
      [],
    );
    assert.equal((await tenant.listeners()).count, 16);
  });

  test("reach all subscribers in the same order, also if batches are published concurrently", async () => {
    const tenant = new Tenant(worker);
    const subscribers = await Promise.all(Array.from({ length: 4 }, () => tenant.subscribe()));
    await Promise.all(Array.from({ length: 20 }, () => tenant.publish(slo(), scp())));
    const order = (await tenant.events()).reverse();
    assert.equal(order.length, 40);
    for (const subscriber of subscribers) assert.deepEqual(await subscriber.take(40), order);
  });

  test("keep all characters of their values", async () => {
    const tenant = new Tenant(worker);
    const sub = 'oauth2|Łódź|\u{1F36A}|\u2028|"quoted"|\\|\u0001|%7C|<>';
    const own = await tenant.subscribe({ sub, scope: "listen:events:self" });
    const record = slo({ user_id: sub, details: { session_id: '\u00e9\u{1F511}"' } });
    await tenant.publish(slo({ user_id: "oauth2" }), record);
    assert.deepEqual(await own.next(), eventOf(record));
    assert.deepEqual((await tenant.events())[0], eventOf(record));
  });

  test("do not wait for a subscriber whose token is being checked", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    const unauthenticated = await tenant.connect();
    tenant.issuer.behaviour = keySetResponses.slow(4_000);
    unauthenticated.send({
      type: "authenticate",
      access_token: tenant.token({}, { kid: "unknown" }),
    });
    await waitFor(() => tenant.issuer.fetches === 2);
    const record = slo();
    const [event] = await Promise.all([subscriber.next(3_000), tenant.publish(record)]);
    assert.deepEqual(event, eventOf(record));
    assert.equal((await unauthenticated.next()).error, "invalid_token");
  });
});
