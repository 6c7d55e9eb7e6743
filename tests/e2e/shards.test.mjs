// A tenant whose sockets are held by several objects. What is promised of one holds of all
// together, whatever gets lost between the root, which has the events, and the shards.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const SHARDS = [1, 2, 3];
/** The root tries again after 5 seconds. */
const PATIENCE = 15_000;

const worker = await startWorker({
  vars: { SHARDS: String(SHARDS.length) },
  runtime: "(state) => state",
  expectedErrors: [/the (request|response) is lost/, /follow: no answer in time/],
});

class ShardedTenant extends Tenant {
  constructor() {
    super(worker);
    this.shards = new Map(SHARDS.map((shard) => [shard, worker.hub(`${this.domain}/${shard}`)]));
  }

  /** The shards that the root hands events to. */
  async known() {
    const rows = await this.hub.sql("SELECT number FROM shards ORDER BY number");
    return rows.map(({ number }) => number);
  }

  /** What was asked of a shard of this kind, how often. */
  async asked(shard, kind) {
    const { requests } = await this.shards.get(shard).control();
    return requests.filter((of) => of === kind).length;
  }

  /** A listener on this shard. Which one a socket goes to is chance, so others may come before. */
  async listenOn(shard, claims, lastEventId) {
    for (;;) {
      const before = await this.asked(shard, "Subscribe");
      const socket = await this.connect();
      if ((await this.asked(shard, "Subscribe")) > before) {
        const answer = await socket.authenticate(this.token(claims), lastEventId);
        assert.equal(answer.type, "authenticated", JSON.stringify(answer));
        return Object.assign(socket, { answer });
      }
      await socket.close(1000);
    }
  }

  /** A listener of everything on each shard. */
  async listenEverywhere() {
    const listeners = [];
    for (const shard of SHARDS) listeners.push(await this.listenOn(shard));
    return listeners;
  }
}

const logouts = (count) => Array.from({ length: count }, () => slo());

/** Asserts that these events, and no others, come to each of the listeners, in this order. */
async function hear(listeners, records) {
  for (const listener of listeners) {
    for (const record of records) assert.deepEqual(await listener.next(PATIENCE), eventOf(record));
    assert.deepEqual(await listener.drain(), []);
  }
}

describe("over three shards", { concurrency: true }, () => {
  test("each listener hears each event that it may see, once and in order", async () => {
    const tenant = new ShardedTenant();
    const listeners = await tenant.listenEverywhere();
    const jane = await tenant.listenOn(2, { sub: "auth0|jane", scope: "listen:events:self" });
    const records = [...logouts(3), slo({ user_id: "auth0|jane" }), ...logouts(2)];
    for (const record of records) await tenant.publish(record);
    await tenant.publish(...records);
    await hear(listeners, records);
    await hear([jane], [records[3]]);
    assert.deepEqual(await tenant.events(), records.map(eventOf).reverse());
  });

  test("the list of listeners adds them up, and those that have shown no token yet", async () => {
    const tenant = new ShardedTenant();
    await tenant.listenEverywhere();
    await tenant.listenOn(3, { sub: "auth0|jane", scope: "listen:events:self" });
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

  test("a socket on one of them never goes without a token for more than ten seconds", async () => {
    const tenant = new ShardedTenant();
    const socket = await tenant.connect();
    await socket.closedWith(4408, PATIENCE);
  });

  test("what does not get to one of them comes with the next event, and the others do not wait", async () => {
    const tenant = new ShardedTenant();
    const [one, ...others] = await tenant.listenEverywhere();
    await tenant.shards.get(1).control({ appends: "drop" });
    const records = logouts(3);
    await tenant.publish(...records.slice(0, 2));
    await hear(others, records.slice(0, 2));
    assert.deepEqual(await one.drain(), []);
    await tenant.shards.get(1).control({ appends: "deliver" });
    await tenant.publish(records[2]);
    await hear(others, records.slice(2));
    await hear([one], records);
  });

  test("what does not get to one of them comes with the alarm where no event follows", async () => {
    const tenant = new ShardedTenant();
    const [, two] = await tenant.listenEverywhere();
    await tenant.shards.get(2).control({ appends: "drop" });
    const records = logouts(2);
    await tenant.publish(...records);
    await waitFor(async () => (await tenant.asked(2, "Relay")) >= 2);
    await tenant.shards.get(2).control({ appends: "deliver" });
    await hear([two], records);
  });

  test("a root that is thrown out of memory before all have an event goes on when it wakes", async () => {
    const tenant = new ShardedTenant();
    const [, , three] = await tenant.listenEverywhere();
    await tenant.shards.get(3).control({ appends: "drop" });
    const records = logouts(2);
    await tenant.publish(...records);
    await waitFor(async () => (await tenant.asked(3, "Relay")) >= 2);
    await tenant.hub.evict();
    await tenant.shards.get(3).control({ appends: "deliver" });
    await hear([three], records);
  });

  test("an event whose receipt gets lost is handed on again, and heard once", async () => {
    const tenant = new ShardedTenant();
    const listeners = await tenant.listenEverywhere();
    for (const hub of tenant.shards.values()) await hub.control({ appends: "drop response" });
    const records = logouts(3);
    await tenant.publish(...records.slice(0, 2));
    await waitFor(async () => (await tenant.asked(1, "Relay")) >= 3);
    for (const hub of tenant.shards.values()) await hub.control({ appends: "deliver" });
    await tenant.publish(records[2]);
    await hear(listeners, records);
  });

  test("a shard that is thrown out of memory loses nothing, before or after it has an event", async () => {
    const tenant = new ShardedTenant();
    const listeners = await tenant.listenEverywhere();
    const records = logouts(4);
    for (const record of records) {
      for (const hub of tenant.shards.values()) await hub.evictIfRunning();
      await tenant.publish(record);
    }
    await hear(listeners, records);
    for (const hub of tenant.shards.values()) await hub.evictIfRunning();
    for (const shard of SHARDS) {
      const back = await tenant.listenOn(shard, undefined, records[1].log_id);
      assert.equal(back.answer.recovered, true);
      await hear([back], records.slice(2));
    }
  });

  test("more events than are kept for replay wait for a shard that cannot be reached", async () => {
    const tenant = new ShardedTenant();
    const [one, two] = await tenant.listenEverywhere();
    await tenant.shards.get(1).control({ appends: "drop" });
    const records = logouts(1_200);
    for (let from = 0; from < records.length; from += 400)
      await tenant.publish(...records.slice(from, from + 400));
    await hear([two], records);
    await tenant.shards.get(1).control({ appends: "deliver" });
    await hear([one], records);
    await tenant.publish(slo());
    const [{ count }] = await tenant.hub.sql("SELECT count(*) AS count FROM events");
    assert.ok(count <= 100, `${count} rows are left once all have them`);
  });

  test("an event that was heard on one is gone on from on any, however far that one is", async () => {
    const tenant = new ShardedTenant();
    const [one] = await tenant.listenEverywhere();
    const records = logouts(4);
    await tenant.publish(records[0]);
    await hear([one], records.slice(0, 1));
    for (const shard of [2, 3]) await tenant.shards.get(shard).control({ appends: "drop" });
    await tenant.publish(...records.slice(1, 3));
    await hear([one], records.slice(1, 3));
    const [, two, three] = SHARDS;
    const moved = [
      await tenant.listenOn(two, undefined, records[2].log_id),
      await tenant.listenOn(three, undefined, records[1].log_id),
    ];
    assert.deepEqual(
      moved.map(({ answer }) => answer.recovered),
      [true, true],
    );
    for (const shard of [2, 3]) await tenant.shards.get(shard).control({ appends: "deliver" });
    await tenant.publish(records[3]);
    await hear([moved[0]], records.slice(3));
    await hear([moved[1]], records.slice(2));
  });

  test("an event that is gone is said to be gone", async () => {
    const tenant = new ShardedTenant();
    const records = logouts(2);
    await tenant.publish(...records);
    const listener = await tenant.listenOn(2, undefined, "unheard of");
    assert.equal(listener.answer.recovered, false);
    await hear([listener], records);
  });

  test("a root that has lost its rows is begun anew with: who listens is told to come back", async () => {
    const tenant = new ShardedTenant();
    const listener = await tenant.listenOn(1);
    const lost = logouts(3);
    await tenant.publish(...lost);
    await hear([listener], lost);
    for (const table of ["events", "accepted", "shards"])
      await tenant.hub.sql(`DELETE FROM ${table}`);
    await tenant.hub.evict();
    await tenant.shards.get(1).evict();
    const back = await tenant.listenOn(1, undefined, lost[2].log_id);
    assert.equal(back.answer.recovered, false);
    assert.equal((await listener.closedWith(1013)).reason, "reconnect");
    const record = slo();
    await tenant.publish(record);
    await hear([back], [record]);
    const { requests } = await tenant.hub.control();
    assert.equal(requests.filter((kind) => kind === "Follow").length, 2);
  });

  test("who comes while the root does not answer is sent away, and need not wait for ever", async () => {
    const tenant = new ShardedTenant();
    await tenant.hub.control({ snapshots: "delay" });
    const listener = await tenant.connect();
    listener.send({ type: "authenticate", access_token: tenant.token() });
    assert.equal((await listener.next(PATIENCE)).type, "authentication_failed");
    await listener.closedWith(1011);
  });

  test("one where nobody listens any more is forgotten, and known again when somebody does", async () => {
    const tenant = new ShardedTenant();
    const [one, two, three] = await tenant.listenEverywhere();
    assert.deepEqual(await tenant.known(), [1, 2, 3]);
    for (const listener of [two, three]) await listener.close(1000);
    const records = logouts(3);
    await tenant.publish(records[0]);
    await waitFor(async () => (await tenant.known()).length === 1);
    assert.deepEqual(await tenant.known(), [1]);
    await tenant.publish(records[1]);
    const back = await tenant.listenOn(2, undefined, records[0].log_id);
    assert.equal(back.answer.recovered, true);
    await tenant.publish(records[2]);
    await hear([back], records.slice(1));
    await hear([one], records);
    assert.deepEqual(await tenant.known(), [1, 2]);
  });

  test("the root's alarm rings once after events, and then no more", async () => {
    const tenant = new ShardedTenant();
    const listeners = await tenant.listenEverywhere();
    // Of today, so that no revocation is over already.
    const date = new Date().toISOString();
    const records = [slo({ date }), slo({ date })];
    for (const record of records) await tenant.publish(record);
    await hear(listeners, records);
    const alarms = async () => (await tenant.hub.control()).alarms;
    await waitFor(async () => (await alarms()) === 1);
    await delay(2 * 5_000);
    assert.equal(await alarms(), 1);
  });

  test("keys are fetched once for all of them", async () => {
    const tenant = new ShardedTenant();
    await tenant.listenEverywhere();
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("those that are no more deliver what there is and send their listeners away", async () => {
    const tenant = new ShardedTenant();
    const listeners = await tenant.listenEverywhere();
    const waiting = await tenant.connect();
    for (const hub of tenant.shards.values()) await hub.control({ vars: { SHARDS: "1" } });
    const record = slo();
    await tenant.publish(record);
    for (const listener of listeners) {
      assert.deepEqual(await listener.next(), eventOf(record));
      const { code, reason } = await listener.closed();
      assert.deepEqual([code, reason], [1013, "reconnect"]);
    }
    await waiting.closedWith(1013);
    await waitFor(async () => (await tenant.known()).length === 0);
    await assert.rejects(tenant.connect(), /503/);
  });
});
