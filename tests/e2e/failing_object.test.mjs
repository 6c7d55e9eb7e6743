// What a tenant's broken database does: that tenant's requests fail with a sentence, all goes on
// where it stopped once the database is mended, and no other tenant notices.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker({
  expectedErrors: [/no such column|no column named|JSON serialization/, /NOTADB|hub_unreachable/],
});
const nameless = await startWorker({
  runtime: "(state) => override(state, { id: override(state.id, { name: undefined }) })",
  expectedErrors: [/no object of a tenant is called/],
});

/** Asserts that a tenant publishes, answers, and reaches a socket that is open and a new one. */
async function assertServes(tenant, listener) {
  const record = slo();
  await tenant.publish(record);
  assert.deepEqual(await listener.next(), eventOf(record));
  assert.deepEqual((await tenant.events())[0], eventOf(record));
  const newcomer = await tenant.subscribe();
  assert.equal((await newcomer.drain()).at(-1).id, record.log_id);
  await newcomer.close();
}

/** A tenant with an event and a listener, asleep; and a neighbour that stays awake. */
async function tenants() {
  const [tenant, neighbour] = [new Tenant(worker), new Tenant(worker)];
  const [listener, undisturbed] = [await tenant.subscribe(), await neighbour.subscribe()];
  await assertServes(tenant, listener);
  await assertServes(neighbour, undisturbed);
  await tenant.hub.evict();
  return { tenant, listener, neighbour, undisturbed };
}

const DAMAGES = {
  "whose events have lost their column": {
    damage: "ALTER TABLE events RENAME COLUMN event TO lost",
    mend: "ALTER TABLE events RENAME COLUMN lost TO event",
    reads: true,
  },
  "whose events are garbage": {
    damage: "UPDATE events SET event = substr(event, 2)",
    mend: "UPDATE events SET event = '{' || event",
    reads: true,
  },
  "whose log ids have lost their column": {
    damage: "ALTER TABLE accepted RENAME COLUMN log_id TO lost",
    mend: "ALTER TABLE accepted RENAME COLUMN lost TO log_id",
    reads: false,
  },
};

describe("a tenant", { concurrency: true }, () => {
  for (const [name, { damage, mend, reads }] of Object.entries(DAMAGES)) {
    test(`${name} fails with a sentence, harms no other, and recovers`, async () => {
      const { tenant, listener, neighbour, undisturbed } = await tenants();
      await tenant.hub.sql(damage);

      const record = slo();
      for (let attempt = 0; attempt < 3; attempt += 1) {
        await assertError(await tenant.post(JSON.stringify(record)), 500, "internal_error");
        if (reads) await assertError(await tenant.get("/api/events"), 500, "internal_error");
        await assertServes(neighbour, undisturbed);
      }
      assert.deepEqual(await listener.drain(), [], "nothing is sent that is not stored");

      await tenant.hub.evict();
      await tenant.hub.sql(mend);
      assert.deepEqual(await tenant.publish(record), {
        received: 1,
        events: 1,
        duplicates: 0,
        ignored: 0,
        malformed: 0,
      });
      assert.deepEqual(await listener.next(), eventOf(record));
      assert.equal((await tenant.events()).length, 2, "what was there before is there again");
      await assertServes(tenant, listener);
      await assertServes(neighbour, undisturbed);
    });
  }

  test("that cannot read what a listener is owed closes the socket, and counts it no longer", async () => {
    const { tenant } = await tenants();
    await tenant.hub.sql(DAMAGES["whose events are garbage"].damage);
    const before = await tenant.listeners();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const listener = await tenant.connect();
      listener.send({ type: "authenticate", access_token: tenant.token() });
      assert.equal((await listener.closed()).code, 1011);
      const headers = { authorization: `Bearer ${tenant.token()}` };
      await assert.rejects(tenant.connect({ headers }), /answered with 500/);
    }
    assert.deepEqual(await tenant.listeners(), before);
  });

  test("whose object is not told its name is served by none that takes itself for another", async () => {
    const tenant = new Tenant(nameless);
    await assertError(await tenant.get("/api/events"), 500, "internal_error");
    await assertError(await tenant.post(JSON.stringify(slo())), 500, "internal_error");
  });

  test("whose key sets are garbage has them fetched anew", async () => {
    const { tenant, listener, neighbour, undisturbed } = await tenants();
    await tenant.hub.sql("UPDATE key_sets SET cached = 'garbage'");
    await assertServes(tenant, listener);
    await assertServes(neighbour, undisturbed);
    assert.equal(tenant.issuer.fetches, 2);
  });

  test("whose tables are gone begins anew", async () => {
    const { tenant, listener, neighbour, undisturbed } = await tenants();
    for (const table of ["events", "accepted", "key_sets"]) {
      await tenant.hub.sql(`DROP TABLE ${table}`);
    }
    await assertServes(tenant, listener);
    assert.equal((await tenant.events()).length, 1);
    await assertServes(neighbour, undisturbed);
  });

  test("whose database is no database fails with a sentence, and harms no other", async () => {
    const { tenant, neighbour, undisturbed } = await tenants();
    const [{ file }] = await tenant.hub.sql("PRAGMA database_list");
    writeFileSync(file, "garbage".repeat(1_000));
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await assertError(await tenant.post(JSON.stringify(slo())), 500, "internal_error");
      for (const route of ["/api/events", "/api/listeners"]) {
        await assertError(await tenant.get(route), 500, "internal_error");
      }
      await assert.rejects(tenant.connect(), /answered with 500/);
      await assertServes(neighbour, undisturbed);
    }
  });
});
