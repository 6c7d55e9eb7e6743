// A tenant with a broken database. Its requests fail with an error response, it recovers once the
// database is repaired, and other tenants are not affected.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker({
  expectedErrors: [
    /no such column|no column named|JSON serialization/,
    /NOTADB|object_unreachable/,
  ],
});
const workerWithoutNames = await startWorker({
  runtime: "(state) => override(state, { id: override(state.id, { name: undefined }) })",
  expectedErrors: [/no object of a tenant is called/],
});

/** Asserts that a tenant stores an event and sends it to an open and to a new socket. */
async function assertWorks(tenant, subscriber) {
  const record = slo();
  await tenant.publish(record);
  assert.deepEqual(await subscriber.next(), eventOf(record));
  assert.deepEqual((await tenant.events())[0], eventOf(record));
  const newSubscriber = await tenant.subscribe();
  assert.equal((await newSubscriber.drain()).at(-1).id, record.log_id);
  await newSubscriber.close();
}

/** Creates two tenants with an event and a subscriber each, and evicts the object of the first. */
async function createTenants() {
  const [tenant, otherTenant] = [new Tenant(worker), new Tenant(worker)];
  const [subscriber, otherSubscriber] = [await tenant.subscribe(), await otherTenant.subscribe()];
  await assertWorks(tenant, subscriber);
  await assertWorks(otherTenant, otherSubscriber);
  await tenant.object.evict();
  return { tenant, subscriber, otherTenant, otherSubscriber };
}

const DAMAGES = {
  "whose table of events lacks a column": {
    damage: "ALTER TABLE event_log RENAME COLUMN date TO lost",
    repair: "ALTER TABLE event_log RENAME COLUMN lost TO date",
    breaksReads: true,
  },
  "whose events have an unknown type": {
    damage: "UPDATE event_log SET type = 'x' || type",
    repair: "UPDATE event_log SET type = substr(type, 2)",
    breaksReads: true,
  },
  "whose table of events lacks the time of receipt": {
    damage: "ALTER TABLE event_log RENAME COLUMN received_at TO lost",
    repair: "ALTER TABLE event_log RENAME COLUMN lost TO received_at",
    breaksReads: false,
  },
};

describe("a tenant", { concurrency: true }, () => {
  for (const [name, { damage, repair, breaksReads }] of Object.entries(DAMAGES)) {
    test(`${name} returns errors, recovers after a repair, and does not affect other tenants`, async () => {
      const { tenant, subscriber, otherTenant, otherSubscriber } = await createTenants();
      await tenant.object.sql(damage);

      const record = slo();
      for (let attempt = 0; attempt < 3; attempt += 1) {
        await assertError(await tenant.post(JSON.stringify(record)), 500, "internal_error");
        if (breaksReads) await assertError(await tenant.get("/api/events"), 500, "internal_error");
        await assertWorks(otherTenant, otherSubscriber);
      }
      assert.deepEqual(await subscriber.drain(), [], "no event is sent that is not stored");

      await tenant.object.evict();
      await tenant.object.sql(repair);
      assert.deepEqual(await tenant.publish(record), {
        received: 1,
        events: 1,
        duplicates: 0,
        ignored: 0,
        malformed: 0,
      });
      assert.deepEqual(await subscriber.next(), eventOf(record));
      assert.equal((await tenant.events()).length, 2, "the earlier event is still stored");
      await assertWorks(tenant, subscriber);
      await assertWorks(otherTenant, otherSubscriber);
    });
  }

  test("that cannot read the events to replay closes the socket and removes it from the list", async () => {
    const { tenant } = await createTenants();
    await tenant.object.sql(DAMAGES["whose events have an unknown type"].damage);
    const before = await tenant.listeners();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const subscriber = await tenant.connect();
      subscriber.send({ type: "authenticate", access_token: tenant.token() });
      assert.equal((await subscriber.closed()).code, 1011);
      const headers = { authorization: `Bearer ${tenant.token()}` };
      await assert.rejects(tenant.connect({ headers }), /answered with 500/);
    }
    assert.deepEqual(await tenant.listeners(), before);
  });

  test("whose object does not know its name returns errors instead of data of another tenant", async () => {
    const tenant = new Tenant(workerWithoutNames);
    await assertError(await tenant.get("/api/events"), 500, "internal_error");
    await assertError(await tenant.post(JSON.stringify(slo())), 500, "internal_error");
  });

  test("whose stored key sets are invalid fetches them again", async () => {
    const { tenant, subscriber, otherTenant, otherSubscriber } = await createTenants();
    await tenant.object.sql("UPDATE key_sets SET cached = 'garbage'");
    await assertWorks(tenant, subscriber);
    await assertWorks(otherTenant, otherSubscriber);
    assert.equal(tenant.issuer.fetches, 2);
  });

  test("whose tables are missing starts with an empty event log", async () => {
    const { tenant, subscriber, otherTenant, otherSubscriber } = await createTenants();
    for (const table of ["event_log", "revoked_users", "revoked_sessions", "key_sets"]) {
      await tenant.object.sql(`DROP TABLE ${table}`);
    }
    await assertWorks(tenant, subscriber);
    assert.equal((await tenant.events()).length, 1);
    await assertWorks(otherTenant, otherSubscriber);
  });

  test("whose database file is corrupt returns errors and does not affect other tenants", async () => {
    const { tenant, otherTenant, otherSubscriber } = await createTenants();
    const [{ file }] = await tenant.object.sql("PRAGMA database_list");
    writeFileSync(file, "garbage".repeat(1_000));
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await assertError(await tenant.post(JSON.stringify(slo())), 500, "internal_error");
      for (const route of ["/api/events", "/api/listeners"]) {
        await assertError(await tenant.get(route), 500, "internal_error");
      }
      await assert.rejects(tenant.connect(), /answered with 500/);
      await assertWorks(otherTenant, otherSubscriber);
    }
  });
});
