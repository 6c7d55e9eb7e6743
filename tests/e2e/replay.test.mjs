// Replay of stored events to a subscriber that connects after they happened. It receives each event
// that its filter allows once, in order, and without a gap before the live events.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { keySetResponses } from "../support/issuer.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const JANE = { sub: "auth0|jane", scope: "listen:events:self" };
const logouts = (count, data) => Array.from({ length: count }, () => slo(data));
const about = (...users) => users.map((user) => slo({ user_id: `auth0|${user}` }));

/** Authenticates and returns the socket, the response and the replayed events. */
async function subscribe(tenant, claims, lastEventId) {
  const subscriber = await tenant.connect();
  const response = await subscriber.authenticate(tenant.token(claims), lastEventId);
  assert.equal(response.type, "authenticated", JSON.stringify(response));
  return {
    subscriber,
    recovered: response.recovered,
    hasRecovered: "recovered" in response,
    replay: await subscriber.drain(),
  };
}

describe("a subscriber to all events", { concurrency: true }, () => {
  test("receives the stored events, oldest first, and then live events", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane");
    await tenant.publish(...records);
    const { subscriber, replay, hasRecovered } = await subscribe(tenant);
    assert.deepEqual(replay, records.map(eventOf));
    assert.equal(hasRecovered, false, "the subscriber named no last event");
    const live = slo();
    await tenant.publish(live);
    assert.deepEqual(await subscriber.next(), eventOf(live));
  });

  test("receives at most the last 100 events", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(107);
    await tenant.publish(...records.slice(0, 50));
    await tenant.publish(...records.slice(50));
    assert.deepEqual((await subscribe(tenant)).replay, records.slice(7).map(eventOf));
  });

  test("that names a stored event receives only later events", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane", "john", "jane");
    await tenant.publish(...records);
    const { replay, recovered } = await subscribe(tenant, {}, records[1].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, records.slice(2).map(eventOf));
  });

  test("that names the latest event receives no replay and recovered is true", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(3);
    await tenant.publish(...records);
    const { replay, recovered } = await subscribe(tenant, {}, records[2].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, []);
  });

  test("that names an unknown event receives all stored events and recovered is false", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(3);
    await tenant.publish(...records);
    const { replay, recovered } = await subscribe(tenant, {}, "unknown");
    assert.equal(recovered, false);
    assert.deepEqual(replay, records.map(eventOf));
  });

  test("can send any string as last_event_id without harm", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(2);
    await tenant.publish(...records);
    for (const id of [
      "",
      "'; DROP TABLE events; --",
      "%",
      "*",
      "\u0000",
      "x".repeat(12_000),
      `${records[0].log_id} `,
    ]) {
      const { replay } = await subscribe(tenant, {}, id);
      assert.deepEqual(replay, records.map(eventOf), id);
    }
  });

  test("receives the replay once, even if it sends authenticate several times", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(3);
    await tenant.publish(...records);
    tenant.issuer.behaviour = keySetResponses.slow(200);
    const subscriber = await tenant.connect();
    for (let count = 0; count < 3; count += 1)
      subscriber.send({ type: "authenticate", access_token: tenant.token() });
    const messages = await subscriber.take(6);
    assert.deepEqual(
      messages.filter(({ type }) => type !== "authenticated"),
      records.map(eventOf),
    );
    assert.deepEqual(await subscriber.drain(), []);
  });

  test("cannot recover if there are no events", async () => {
    const { replay, recovered } = await subscribe(new Tenant(worker), {}, "long ago");
    assert.equal(recovered, false);
    assert.deepEqual(replay, []);
  });

  test("can name the oldest replayable event, but not the one before it", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(101);
    await tenant.publish(...records);
    const oldest = await subscribe(tenant, {}, records[1].log_id);
    assert.equal(oldest.recovered, true);
    assert.deepEqual(oldest.replay, records.slice(2).map(eventOf));
    const dropped = await subscribe(tenant, {}, records[0].log_id);
    assert.equal(dropped.recovered, false);
    assert.deepEqual(dropped.replay, records.slice(1).map(eventOf));
  });

  test("receives events in order of arrival, not of date", async () => {
    const tenant = new Tenant(worker);
    const records = ["2026-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "2025-01-01T00:00:00Z"].map(
      (date) => slo({ date }),
    );
    for (const record of records) await tenant.publish(record);
    assert.deepEqual((await subscribe(tenant)).replay, records.map(eventOf));
    assert.deepEqual(
      (await subscribe(tenant, {}, records[0].log_id)).replay,
      records.slice(1).map(eventOf),
    );
  });

  test("receives the same replay after an eviction", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(4);
    await tenant.publish(...records);
    await tenant.object.evict();
    assert.deepEqual(
      (await subscribe(tenant, {}, records[0].log_id)).replay,
      records.slice(1).map(eventOf),
    );
  });
});

describe("a subscriber to its own events", { concurrency: true }, () => {
  test("receives no replay unless it names an event", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(...about("jane", "john"));
    const { replay, hasRecovered } = await subscribe(tenant, JANE);
    assert.deepEqual(replay, []);
    assert.equal(hasRecovered, false);
  });

  test("that names a stored event receives only its own later events", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane", "john", "jane");
    await tenant.publish(...records);
    const { replay, recovered } = await subscribe(tenant, JANE, records[0].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, [records[2], records[4]].map(eventOf));
  });

  test("can name an event of another user", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane");
    await tenant.publish(...records);
    const { replay, recovered } = await subscribe(tenant, JANE, records[1].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, [eventOf(records[2])]);
  });

  test("that names an unknown event receives all of its own stored events", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane");
    await tenant.publish(...records);
    const { replay, recovered } = await subscribe(tenant, JANE, "unknown");
    assert.equal(recovered, false);
    assert.deepEqual(replay, [records[0], records[2]].map(eventOf));
  });

  test("recovers without events if none of the later ones is its own", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "john");
    await tenant.publish(...records);
    const { replay, recovered } = await subscribe(tenant, JANE, records[0].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, []);
  });
});

describe("between replay and live events", { concurrency: true }, () => {
  const EVENTS = 30;

  /**
   * Publishes events one by one while `openSocket` opens sockets. Then checks that each socket has
   * received the events that `expected` selects from all events.
   */
  async function subscribeWhilePublishing(openSocket, expected) {
    const tenant = new Tenant(worker);
    const first = about("jane");
    await tenant.publish(...first);
    const records = [
      ...first,
      ...about(...Array.from({ length: EVENTS }, (_, n) => (n % 2 ? "john" : "jane"))),
    ];
    let published = false;
    const publishing = (async () => {
      for (const record of records.slice(1)) await tenant.publish(record);
      published = true;
    })();
    const sockets = [];
    while (!published) {
      sockets.push(await openSocket(tenant, first[0]));
    }
    await publishing;
    assert.ok(sockets.length > 3, `only ${sockets.length} sockets opened meanwhile`);
    const last = slo({ user_id: "auth0|jane" });
    await tenant.publish(last);
    const all = [...records, last].map(eventOf);
    for (const subscriber of sockets) {
      const received = [];
      do received.push(await subscriber.next());
      while (received.at(-1).id !== last.log_id);
      assert.deepEqual(await subscriber.drain(), []);
      assert.deepEqual(received, expected(all));
    }
  }

  test("a new subscriber to all events receives each event once", async () => {
    await subscribeWhilePublishing(
      (tenant) => tenant.subscribe(),
      (all) => all,
    );
  });

  test("a reconnecting subscriber to all events receives each event once", async () => {
    await subscribeWhilePublishing(
      (tenant, { log_id }) => tenant.subscribe({}, log_id),
      (all) => all.slice(1),
    );
  });

  test("a reconnecting subscriber to its own events receives each event once", async () => {
    await subscribeWhilePublishing(
      (tenant, { log_id }) => tenant.subscribe(JANE, log_id),
      (all) => all.slice(1).filter(({ user_id }) => user_id === JANE.sub),
    );
  });

  test("a subscriber that sends its token with the upgrade receives each event once", async () => {
    await subscribeWhilePublishing(
      async (tenant, { log_id }) => {
        const headers = { authorization: `Bearer ${tenant.token()}` };
        const subscriber = await Subscriber.connect(
          tenant.subscribeUrl(`?last_event_id=${log_id}`),
          {
            headers,
          },
        );
        assert.equal((await subscriber.next()).type, "connected");
        assert.equal((await subscriber.next()).type, "authenticated");
        return subscriber;
      },
      (all) => all.slice(1),
    );
  });
});
