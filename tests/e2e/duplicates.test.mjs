// Auth0 delivers each log record at least once and in any order. The Worker accepts each record once,
// and stores it before it acknowledges it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { counts } from "../support/counts.mjs";
import { eventOf, login, newLogId, scp, slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const ids = async (tenant) => (await tenant.events()).map(({ id }) => id).reverse();

describe("a duplicate log_id", { concurrency: true }, () => {
  test("is counted in a later batch, and is neither stored nor sent again", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    const [one, two, marker] = [slo(), scp(), slo()];
    assert.deepEqual(await tenant.publish(one, two), counts({ received: 2, events: 2 }));
    assert.deepEqual(await tenant.publish(two, one), counts({ received: 2, duplicates: 2 }));
    assert.deepEqual(
      await tenant.publish(one, marker),
      counts({ received: 2, events: 1, duplicates: 1 }),
    );

    const sent = (await subscriber.take(3)).map(({ id }) => id);
    assert.deepEqual(sent, [one.log_id, two.log_id, marker.log_id]);
    assert.deepEqual(await subscriber.drain(), []);
    assert.deepEqual(await ids(tenant), [one.log_id, two.log_id, marker.log_id]);
  });

  test("is counted within one batch", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    const record = slo();
    assert.deepEqual(
      await tenant.publish(record, record, record),
      counts({ received: 3, events: 1, duplicates: 2 }),
    );
    assert.equal((await subscriber.next()).id, record.log_id);
    assert.deepEqual(await subscriber.drain(), []);
    assert.deepEqual(await ids(tenant), [record.log_id]);
  });

  test("is a duplicate even if the rest of the record differs", async () => {
    const tenant = new Tenant(worker);
    const first = slo({ user_id: "auth0|first" });
    await tenant.publish(first);
    const again = scp({ user_id: "auth0|second" }, first.log_id);
    assert.deepEqual(await tenant.publish(again), counts({ received: 1, duplicates: 1 }));
    assert.deepEqual(await tenant.events(), [eventOf(first)]);
  });

  test("is recognized after the object was evicted from memory", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    const record = slo();
    await tenant.publish(record);
    assert.equal((await subscriber.next()).id, record.log_id);
    await tenant.object.evict();
    assert.deepEqual(await tenant.publish(record), counts({ received: 1, duplicates: 1 }));
    assert.deepEqual(await subscriber.drain(), []);
    assert.deepEqual(await ids(tenant), [record.log_id]);
  });

  test("is accepted once if many batches contain it concurrently", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    const record = slo();
    const responses = await Promise.all(Array.from({ length: 20 }, () => tenant.publish(record)));
    assert.equal(
      responses.reduce((sum, { events }) => sum + events, 0),
      1,
    );
    assert.equal(
      responses.reduce((sum, { duplicates }) => sum + duplicates, 0),
      19,
    );
    assert.equal((await subscriber.next()).id, record.log_id);
    assert.deepEqual(await subscriber.drain(), []);
  });

  test("does not affect another tenant", async () => {
    const [one, two] = [new Tenant(worker), new Tenant(worker)];
    const record = slo();
    await one.publish(record);
    assert.deepEqual(await two.publish(record), counts({ received: 1, events: 1 }));
  });

  test("of an ignored or malformed record is not a duplicate", async () => {
    const tenant = new Tenant(worker);
    const id = newLogId();
    assert.equal((await tenant.publish(login({}, id))).ignored, 1);
    assert.equal((await tenant.publish(login({}, id))).ignored, 1);
    assert.equal((await tenant.publish({ log_id: id, data: "broken" })).malformed, 1);
    assert.deepEqual(await tenant.publish(slo({}, id)), counts({ received: 1, events: 1 }));
  });

  test("is recognized among the last 10,000, also if its event is no longer stored", async () => {
    const tenant = new Tenant(worker);
    const numbered = (number) => ({
      log_id: `number-${number}`,
      data: { type: "slo", user_id: "auth0|1" },
    });
    const batch = Array.from({ length: 10_000 }, (_, number) => numbered(number));
    assert.deepEqual(await tenant.publish(...batch), counts({ received: 10_000, events: 10_000 }));
    assert.equal((await tenant.events()).length, 100);
    assert.deepEqual(await tenant.publish(numbered(0)), counts({ received: 1, duplicates: 1 }));

    // A new id evicts id 0 from the window. Accepting id 0 again evicts id 1.
    assert.deepEqual(await tenant.publish(numbered(10_000)), counts({ received: 1, events: 1 }));
    assert.deepEqual(await tenant.publish(numbered(0)), counts({ received: 1, events: 1 }));
    assert.deepEqual(await tenant.publish(numbered(2)), counts({ received: 1, duplicates: 1 }));
    assert.deepEqual(await tenant.publish(numbered(1)), counts({ received: 1, events: 1 }));
  });
});

describe("an event", { concurrency: true }, () => {
  test("is stored when the publisher receives a 200", async () => {
    const tenant = new Tenant(worker);
    for (let round = 1; round <= 5; round += 1) {
      const record = slo();
      await tenant.publish(record);
      await tenant.object.evict();
      assert.equal((await ids(tenant)).length, round);
      assert.equal((await tenant.events())[0].id, record.log_id);
    }
  });

  test("is stored before a subscriber receives it", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    await tenant.get("/api/events"); // makes the Worker cache the key set
    const [one, two] = [slo(), slo()];
    const responses = [];
    for (const record of [one, two]) {
      const headers = { authorization: publishToken(tenant.domain) };
      responses.push(tenant.post(JSON.stringify([record]), headers));
      const event = await subscriber.next();
      const rows = await tenant.object.sql(
        "SELECT log_id FROM event_log ORDER BY seq DESC LIMIT 1",
      );
      assert.equal(rows[0].log_id, event.id);
    }
    for (const response of await Promise.all(responses)) assert.equal(response.status, 200);
  });

  test("keeps the order of its batch", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    const records = Array.from({ length: 50 }, (_, number) =>
      slo({ date: new Date(Date.UTC(2026, 0, 1) - number * 1000).toISOString() }),
    );
    await tenant.publish(...records);
    const order = records.map(({ log_id }) => log_id);
    assert.deepEqual(
      (await subscriber.take(50)).map(({ id }) => id),
      order,
    );
    assert.deepEqual(await ids(tenant), order);
  });

  test("wakes the object, and a batch without events does not", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(slo());
    await tenant.object.evict();
    assert.deepEqual(
      await tenant.publish(login(), { foo: 1 }),
      counts({ received: 2, ignored: 1, malformed: 1 }),
    );
    assert.equal(await tenant.object.evictIfRunning(), false);
  });
});
