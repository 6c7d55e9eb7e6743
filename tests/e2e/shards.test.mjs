// A tenant whose sockets are spread over several objects. Subscribers get the same guarantees as with
// one object, even if requests between the leader, which has the event log, and the shards get lost.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { eventOf, scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const SHARDS = [1, 2, 3];
/** Longer than the 5 seconds after which the leader retries. */
const TIMEOUT = 15_000;

const worker = await startWorker({
  vars: { SHARDS: String(SHARDS.length) },
  runtime: "(state) => state",
  expectedErrors: [/the (request|response) is lost/, /follow: no response within eight seconds/],
});

class ShardedTenant extends Tenant {
  constructor() {
    super(worker);
    this.shards = new Map(
      SHARDS.map((shard) => [shard, worker.tenantObject(`${this.domain}/${shard}`)]),
    );
  }

  /** The shards that are registered with the leader. */
  async registered() {
    const rows = await this.object.sql("SELECT number FROM shards ORDER BY number");
    return rows.map(({ number }) => number);
  }

  /** Counts the requests of this kind that a shard has received. */
  async requests(shard, kind) {
    const { requests } = await this.shards.get(shard).control();
    return requests.filter((request) => request === kind).length;
  }

  /** Opens an authenticated socket on this shard. A socket gets a random shard, so this retries. */
  async subscribeOn(shard, claims, lastEventId) {
    for (;;) {
      const before = await this.requests(shard, "subscribe");
      const socket = await this.connect();
      if ((await this.requests(shard, "subscribe")) > before) {
        const response = await socket.authenticate(this.token(claims), lastEventId);
        assert.equal(response.type, "authenticated", JSON.stringify(response));
        return Object.assign(socket, { recovered: response.recovered });
      }
      await socket.close(1000);
    }
  }

  /** Opens a subscriber to all events on each shard. */
  async subscribeOnAll() {
    const subscribers = [];
    for (const shard of SHARDS) subscribers.push(await this.subscribeOn(shard));
    return subscribers;
  }
}

const logouts = (count) => Array.from({ length: count }, () => slo());

/** Asserts that each subscriber receives exactly these events, in this order. */
async function assertReceived(subscribers, records) {
  for (const subscriber of subscribers) {
    for (const record of records) assert.deepEqual(await subscriber.next(TIMEOUT), eventOf(record));
    assert.deepEqual(await subscriber.drain(), []);
  }
}

describe("a tenant with three shards", { concurrency: true }, () => {
  test("each subscriber receives each event that its filter allows, once and in order", async () => {
    const tenant = new ShardedTenant();
    const subscribers = await tenant.subscribeOnAll();
    const jane = await tenant.subscribeOn(2, { sub: "auth0|jane", scope: "listen:events:self" });
    const records = [...logouts(3), slo({ user_id: "auth0|jane" }), ...logouts(2)];
    for (const record of records) await tenant.publish(record);
    await tenant.publish(...records);
    await assertReceived(subscribers, records);
    await assertReceived([jane], [records[3]]);
    assert.deepEqual(await tenant.events(), records.map(eventOf).reverse());
  });

  test("/api/listeners lists the sockets of all shards, including unauthenticated ones", async () => {
    const tenant = new ShardedTenant();
    await tenant.subscribeOnAll();
    await tenant.subscribeOn(3, { sub: "auth0|jane", scope: "listen:events:self" });
    await tenant.connect();
    const { count, connections } = await tenant.listeners();
    assert.equal(count, 5);
    assert.deepEqual(connections.map(({ filter }) => filter ?? "none").sort(), [
      "*",
      "*",
      "*",
      "none",
      "self",
    ]);
  });

  test("a shard closes a socket that has not authenticated after ten seconds", async () => {
    const tenant = new ShardedTenant();
    const socket = await tenant.connect();
    await socket.closedWith(4408, TIMEOUT);
  });

  test("events that did not reach a shard arrive with the next event, and other shards do not wait", async () => {
    const tenant = new ShardedTenant();
    const [one, ...others] = await tenant.subscribeOnAll();
    await tenant.shards.get(1).control({ appends: "drop" });
    const records = logouts(3);
    await tenant.publish(...records.slice(0, 2));
    await assertReceived(others, records.slice(0, 2));
    assert.deepEqual(await one.drain(), []);
    await tenant.shards.get(1).control({ appends: "deliver" });
    await tenant.publish(records[2]);
    await assertReceived(others, records.slice(2));
    await assertReceived([one], records);
  });

  test("events that did not reach a shard arrive with the alarm if no event follows", async () => {
    const tenant = new ShardedTenant();
    const [, two] = await tenant.subscribeOnAll();
    await tenant.shards.get(2).control({ appends: "drop" });
    const records = logouts(2);
    await tenant.publish(...records);
    await waitFor(async () => (await tenant.requests(2, "append")) >= 2);
    await tenant.shards.get(2).control({ appends: "deliver" });
    await assertReceived([two], records);
  });

  test("a leader that is evicted before all shards have an event continues replication when it wakes", async () => {
    const tenant = new ShardedTenant();
    const [, , three] = await tenant.subscribeOnAll();
    await tenant.shards.get(3).control({ appends: "drop" });
    const records = logouts(2);
    await tenant.publish(...records);
    await waitFor(async () => (await tenant.requests(3, "append")) >= 2);
    await tenant.object.evict();
    await tenant.shards.get(3).control({ appends: "deliver" });
    await assertReceived([three], records);
  });

  test("an event whose acknowledgement gets lost is sent to the shard again and delivered once", async () => {
    const tenant = new ShardedTenant();
    const subscribers = await tenant.subscribeOnAll();
    for (const shard of tenant.shards.values()) await shard.control({ appends: "drop response" });
    const records = logouts(3);
    await tenant.publish(...records.slice(0, 2));
    await waitFor(async () => (await tenant.requests(1, "append")) >= 3);
    for (const shard of tenant.shards.values()) await shard.control({ appends: "deliver" });
    await tenant.publish(records[2]);
    await assertReceived(subscribers, records);
  });

  test("a shard that is evicted before or after it receives an event loses no event", async () => {
    const tenant = new ShardedTenant();
    const subscribers = await tenant.subscribeOnAll();
    const records = logouts(4);
    for (const record of records) {
      for (const shard of tenant.shards.values()) await shard.evictIfRunning();
      await tenant.publish(record);
    }
    await assertReceived(subscribers, records);
    for (const shard of tenant.shards.values()) await shard.evictIfRunning();
    for (const shard of SHARDS) {
      const reconnected = await tenant.subscribeOn(shard, undefined, records[1].log_id);
      assert.equal(reconnected.recovered, true);
      await assertReceived([reconnected], records.slice(2));
    }
  });

  test("a shard that was unreachable receives all missed events, even more than can be replayed", async () => {
    const tenant = new ShardedTenant();
    const [one, two] = await tenant.subscribeOnAll();
    await tenant.shards.get(1).control({ appends: "drop" });
    const records = logouts(1_200);
    for (let from = 0; from < records.length; from += 400)
      await tenant.publish(...records.slice(from, from + 400));
    await assertReceived([two], records);
    await tenant.shards.get(1).control({ appends: "deliver" });
    await assertReceived([one], records);
  });

  test("a subscriber can reconnect to any shard with its last event, even if that shard lags", async () => {
    const tenant = new ShardedTenant();
    const [one] = await tenant.subscribeOnAll();
    const records = logouts(4);
    await tenant.publish(records[0]);
    await assertReceived([one], records.slice(0, 1));
    for (const shard of [2, 3]) await tenant.shards.get(shard).control({ appends: "drop" });
    await tenant.publish(...records.slice(1, 3));
    await assertReceived([one], records.slice(1, 3));
    const [, two, three] = SHARDS;
    const moved = [
      await tenant.subscribeOn(two, undefined, records[2].log_id),
      await tenant.subscribeOn(three, undefined, records[1].log_id),
    ];
    assert.deepEqual(
      moved.map(({ recovered }) => recovered),
      [true, true],
    );
    for (const shard of [2, 3]) await tenant.shards.get(shard).control({ appends: "deliver" });
    await tenant.publish(records[3]);
    await assertReceived([moved[0]], records.slice(3));
    await assertReceived([moved[1]], records.slice(2));
  });

  test("a subscriber that names an unknown event receives recovered: false", async () => {
    const tenant = new ShardedTenant();
    const records = logouts(2);
    await tenant.publish(...records);
    const subscriber = await tenant.subscribeOn(2, undefined, "unknown");
    assert.equal(subscriber.recovered, false);
    await assertReceived([subscriber], records);
  });

  test("a shard whose leader has lost its rows requests a new snapshot and closes its sockets for a reconnect", async () => {
    const tenant = new ShardedTenant();
    const subscriber = await tenant.subscribeOn(1);
    const lost = logouts(3);
    await tenant.publish(...lost);
    await assertReceived([subscriber], lost);
    for (const table of ["event_log", "revoked_users", "revoked_sessions", "shards"])
      await tenant.object.sql(`DELETE FROM ${table}`);
    await tenant.object.evict();
    await tenant.shards.get(1).evict();
    const reconnected = await tenant.subscribeOn(1, undefined, lost[2].log_id);
    assert.equal(reconnected.recovered, false);
    assert.equal((await subscriber.closedWith(1013)).reason, "reconnect");
    const record = slo();
    await tenant.publish(record);
    await assertReceived([reconnected], [record]);
    const { requests } = await tenant.object.control();
    assert.equal(requests.filter((kind) => kind === "follow").length, 2);
  });

  test("a leader deletes a replaced event that is older than the latest 100,000, although a shard has not acknowledged it", async () => {
    const tenant = new ShardedTenant();
    const date = (secondsAgo) => new Date(Date.now() - secondsAgo * 1000).toISOString();
    const isStored = async (seq) =>
      (await tenant.object.sql("SELECT seq FROM event_log WHERE seq = ?", seq)).length > 0;
    await tenant.publish(scp({ user_id: "auth0|1", date: date(60) }));
    await tenant.object.sql("CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY)");
    await tenant.object.sql("INSERT INTO shards (number) VALUES (1)");
    await tenant.object.sql(
      `INSERT INTO event_log (seq, log_id, received_at, type, date, user_id)
       VALUES (100001, 'latest', ?, 'user_unblocked', ?, 'auth0|2')`,
      Date.now(),
      date(30),
    );
    // An awake leader knows positions. One that wakes must not assume that entries are acknowledged.
    await tenant.object.evict();
    assert.equal(await isStored(1), true);
    await tenant.publish(scp({ user_id: "auth0|1", date: date(0) }));
    assert.equal(await isStored(1), false);
  });

  test("a subscriber that connects while the leader does not respond is rejected after a timeout", async () => {
    const tenant = new ShardedTenant();
    await tenant.object.control({ snapshots: "delay" });
    const subscriber = await tenant.connect();
    subscriber.send({ type: "authenticate", access_token: tenant.token() });
    assert.equal((await subscriber.next(TIMEOUT)).type, "authentication_failed");
    await subscriber.closedWith(1011);
  });

  test("a shard without sockets is removed by the leader, and registered again with the next socket", async () => {
    const tenant = new ShardedTenant();
    const [one, two, three] = await tenant.subscribeOnAll();
    assert.deepEqual(await tenant.registered(), [1, 2, 3]);
    for (const subscriber of [two, three]) await subscriber.close(1000);
    const records = logouts(3);
    await tenant.publish(records[0]);
    await waitFor(async () => (await tenant.registered()).length === 1);
    assert.deepEqual(await tenant.registered(), [1]);
    await tenant.publish(records[1]);
    const reconnected = await tenant.subscribeOn(2, undefined, records[0].log_id);
    assert.equal(reconnected.recovered, true);
    await tenant.publish(records[2]);
    await assertReceived([reconnected], records.slice(1));
    await assertReceived([one], records);
    assert.deepEqual(await tenant.registered(), [1, 2]);
  });

  test("the leader's alarm runs once after events and is then not scheduled again", async () => {
    const tenant = new ShardedTenant();
    const subscribers = await tenant.subscribeOnAll();
    // Dated today, so that no revocation has expired.
    const date = new Date().toISOString();
    const records = [slo({ date }), slo({ date })];
    for (const record of records) await tenant.publish(record);
    await assertReceived(subscribers, records);
    const alarms = async () => (await tenant.object.control()).alarms;
    await waitFor(async () => (await alarms()) === 1);
    await delay(2 * 5_000);
    assert.equal(await alarms(), 1);
  });

  test("the key set is fetched once for all shards", async () => {
    const tenant = new ShardedTenant();
    await tenant.subscribeOnAll();
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("shards that are no longer configured deliver all events and close their sockets for a reconnect", async () => {
    const tenant = new ShardedTenant();
    const subscribers = await tenant.subscribeOnAll();
    const unauthenticated = await tenant.connect();
    for (const shard of tenant.shards.values()) await shard.control({ vars: { SHARDS: "1" } });
    const record = slo();
    await tenant.publish(record);
    for (const subscriber of subscribers) {
      assert.deepEqual(await subscriber.next(), eventOf(record));
      const { code, reason } = await subscriber.closed();
      assert.deepEqual([code, reason], [1013, "reconnect"]);
    }
    await unauthenticated.closedWith(1013);
    await waitFor(async () => (await tenant.registered()).length === 0);
    await assert.rejects(tenant.connect(), /503/);
  });
});
