// What a tenant costs its operator: requests to objects, rows written, alarms, and the time that an
// object is in memory (Cloudflare, "Durable Objects: Pricing").
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { eventOf, login, scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker({ runtime: "(state) => state" });

/** What the object has cost while something was done. */
async function cost(tenant, deed) {
  const before = await tenant.hub.control();
  await deed();
  const after = await tenant.hub.control();
  return {
    asked: after.asked.slice(before.asked.length),
    rowsWritten: after.rowsWritten - before.rowsWritten,
    rowsRead: after.rowsRead - before.rowsRead,
    alarms: after.alarms - before.alarms,
  };
}

describe("of a tenant with one object", () => {
  test("an event is one request and six rows, however many listen, and eight where old ones go", async () => {
    const tenant = new Tenant(worker);
    const listeners = [];
    for (let number = 0; number < 10; number += 1) listeners.push(await tenant.subscribe());
    // The first makes the alarm be set for when its revocation ends.
    await tenant.publish(slo());
    const publish = async (record) => {
      const { asked, rowsWritten } = await cost(tenant, () => tenant.publish(record));
      return { asked, rowsWritten };
    };
    // The log id and its index, the event, what it revokes and two indices.
    for (const record of [slo({ user_id: "auth0|jane" }), scp({ user_id: "auth0|john" })])
      assert.deepEqual(await publish(record), { asked: ["Publish"], rowsWritten: 6 });
    for (const listener of listeners) assert.equal((await listener.take(3)).length, 3);
    for (const listener of listeners) await listener.close(1000);

    const many = Array.from({ length: 10_000 }, (_, number) => slo({ user_id: `auth0|${number}` }));
    for (let from = 0; from < many.length; from += 2_500)
      await tenant.publish(...many.slice(from, from + 2_500));
    // An event goes, and a log id.
    assert.deepEqual(await publish(slo({ user_id: "auth0|ada" })), {
      asked: ["Publish"],
      rowsWritten: 8,
    });
  });

  test("a record that ends no session, and one that was seen before, write nothing", async () => {
    const tenant = new Tenant(worker);
    const record = slo();
    await tenant.publish(record);
    const ignored = await cost(tenant, () => tenant.publish(login()));
    assert.deepEqual([ignored.asked, ignored.rowsWritten], [[], 0]);
    const duplicate = await cost(tenant, () => tenant.publish(record));
    assert.deepEqual([duplicate.asked, duplicate.rowsWritten], [["Publish"], 0]);
  });

  test("listeners that send pings and nothing else let it sleep, and no alarm rings", async () => {
    const tenant = new Tenant(worker);
    const authorization = `Bearer ${tenant.token()}`;
    const listener = await tenant.connect({ headers: { authorization } });
    assert.equal((await listener.next()).type, "authenticated");
    const { built } = await tenant.hub.control();
    // It goes to sleep when nothing was asked of it for ten seconds; whoever looks wakes it.
    for (let pings = 0; pings < 28; pings += 1) {
      listener.send('{"type":"ping"}');
      assert.deepEqual(await listener.next(), { type: "pong" });
      await delay(500);
    }
    const after = await tenant.hub.control();
    assert.equal(after.built, built + 1);
    assert.equal(after.alarms, 0);
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await listener.next(), eventOf(record));
  });

  test("there is no object but the one", async () => {
    const before = await worker.objects();
    const tenant = new Tenant(worker);
    await tenant.subscribe();
    await tenant.publish(slo());
    await tenant.listeners();
    assert.equal((await worker.objects()).length, before.length + 1);
  });
});
