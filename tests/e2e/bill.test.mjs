// The billed operations of a tenant: requests to objects, rows read and written, alarms, and the
// time that an object is in memory (Cloudflare, "Durable Objects: Pricing").
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { eventOf, login, scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker({ runtime: "(state) => state" });

/** Returns the operations of the tenant object that are billed for `action`. */
async function costOf(tenant, action) {
  const before = await tenant.object.control();
  await action();
  const after = await tenant.object.control();
  return {
    requests: after.requests.slice(before.requests.length),
    rowsWritten: after.rowsWritten - before.rowsWritten,
    rowsRead: after.rowsRead - before.rowsRead,
    alarms: after.alarms - before.alarms,
    alarmsSet: after.alarmsSet - before.alarmsSet,
  };
}

/** The date of a recent record. An alarm prunes the revocations of old records at once. */
const recent = { date: new Date().toISOString() };

describe("a tenant with one object", () => {
  test("uses one request and at most four rows per event for any number of subscribers", async () => {
    const tenant = new Tenant(worker);
    const subscribers = [];
    for (let number = 0; number < 10; number += 1) subscribers.push(await tenant.subscribe());
    // The first event also creates the tables, and schedules an alarm for the end of its retention.
    await tenant.publish(slo(recent));
    const publish = async (record) => {
      const { requests, rowsWritten } = await costOf(tenant, () => tenant.publish(record));
      return { requests, rowsWritten };
    };
    // The event and the index of its log id, and the rows of the user and of the session.
    assert.deepEqual(await publish(slo({ ...recent, user_id: "auth0|jane" })), {
      requests: ["store_events"],
      rowsWritten: 4,
    });
    assert.deepEqual(await publish(scp({ ...recent, user_id: "auth0|john" })), {
      requests: ["store_events"],
      rowsWritten: 3,
    });
    for (const subscriber of subscribers) assert.equal((await subscriber.take(3)).length, 3);
    for (const subscriber of subscribers) await subscriber.close(1000);
  });

  test("uses at most six rows per event if it also deletes an old event", async () => {
    const tenant = new Tenant(worker);
    // Each user has two events, so that the first of them is not needed once it is old.
    const many = Array.from({ length: 10_010 }, (_, number) =>
      scp({
        user_id: `auth0|${number % 5_000}`,
        date: new Date(Date.parse(recent.date) - 20_000 + number).toISOString(),
      }),
    );
    for (let from = 0; from < many.length; from += 2_500)
      await tenant.publish(...many.slice(from, from + 2_500));
    const oldest = async () =>
      (await tenant.object.sql("SELECT min(seq) AS seq FROM event_log"))[0].seq;
    const before = await oldest();
    const { rowsWritten } = await costOf(tenant, () =>
      tenant.publish(slo({ ...recent, user_id: "auth0|ada" })),
    );
    assert.ok(rowsWritten <= 6, `${rowsWritten} rows`);
    assert.equal(await oldest(), before + 1);
  });

  test("reads at most two rows of revocations for an introspection, however many sessions of a user have ended", async () => {
    const tenant = new Tenant(worker);
    const introspect = async (claims) => {
      const response = await tenant.fetch("/api/introspect", {
        method: "POST",
        headers: { authorization: `Bearer ${tenant.token()}` },
        body: new URLSearchParams({
          token: tenant.token({ sub: "auth0|busy", iat: now() - 600, ...claims }),
        }),
      });
      assert.deepEqual(await response.json(), { active: false });
    };
    const logout = (number) =>
      slo({ ...recent, user_id: "auth0|busy", details: { session_id: `s${number}` } });
    await tenant.publish(logout(0));
    await introspect({});
    const costs = [];
    for (let sessions = 1; sessions < 1_000; sessions += 333) {
      await tenant.publish(
        ...Array.from({ length: 333 }, (_, number) => logout(sessions + number)),
      );
      for (const claims of [{}, { sid: "s0" }])
        costs.push((await costOf(tenant, () => introspect(claims))).rowsRead);
    }
    assert.ok(Math.max(...costs) <= 2, `rows read: ${costs}`);
  });

  test("creates no table and sets no alarm for requests without a token", async () => {
    const tenant = new Tenant(worker);
    for (const path of ["/api/_debug", "/api/health"])
      assert.equal((await tenant.fetch(path)).status, 200);
    await tenant.connect();
    // An alarm is stored in a table of the runtime. The other table is the test harness's own.
    const tables = async () => {
      const rows = await tenant.object.sql("SELECT name FROM sqlite_master");
      return rows.map(({ name }) => name).filter((name) => name !== "__miniflare_do_name");
    };
    assert.deepEqual(await tables(), []);
    await tenant.publish(slo(recent));
    assert.ok((await tables()).includes("event_log"), "the first write creates tables");
  });

  test("writes no rows for a record that ends no session, or for a duplicate", async () => {
    const tenant = new Tenant(worker);
    const record = slo();
    await tenant.publish(record);
    const ignored = await costOf(tenant, () => tenant.publish(login()));
    assert.deepEqual([ignored.requests, ignored.rowsWritten], [[], 0]);
    const duplicate = await costOf(tenant, () => tenant.publish(record));
    assert.deepEqual([duplicate.requests, duplicate.rowsWritten], [["store_events"], 0]);
  });

  test("writes no row and sets no alarm for an upgrade without a token, and closes its socket", async () => {
    const tenant = new Tenant(worker);
    const cost = await costOf(tenant, async () => {
      const subscriber = await tenant.connect();
      await subscriber.closedWith(4408, 25_000);
    });
    assert.deepEqual(cost, {
      requests: ["subscribe"],
      rowsWritten: 0,
      rowsRead: 0,
      alarms: 0,
      alarmsSet: 0,
    });
  });

  test("hibernates while its subscribers send only pings, and runs no alarm", async () => {
    const tenant = new Tenant(worker);
    const authorization = `Bearer ${tenant.token()}`;
    const subscriber = await tenant.connect({ headers: { authorization } });
    assert.equal((await subscriber.next()).type, "authenticated");
    const { constructed } = await tenant.object.control();
    // The object hibernates after ten seconds without a request. Reading the controls wakes it.
    for (let pings = 0; pings < 28; pings += 1) {
      subscriber.send('{"type":"ping"}');
      assert.deepEqual(await subscriber.next(), { type: "pong" });
      await delay(500);
    }
    const after = await tenant.object.control();
    assert.equal(after.constructed, constructed + 1);
    assert.equal(after.alarms, 0);
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await subscriber.next(), eventOf(record));
  });

  test("creates no second object", async () => {
    const before = await worker.objects();
    const tenant = new Tenant(worker);
    await tenant.subscribe();
    await tenant.publish(slo());
    await tenant.listeners();
    assert.equal((await worker.objects()).length, before.length + 1);
  });
});
