// What a listener gets that was not there when it happened: the right events, once each, in their
// order, and without a gap to those that come live.
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

/** Authenticates, and gives the answer and what was replayed with it. */
async function join(tenant, claims, lastEventId) {
  const listener = await tenant.connect();
  const answer = await listener.authenticate(tenant.token(claims), lastEventId);
  assert.equal(answer.type, "authenticated", JSON.stringify(answer));
  return {
    listener,
    recovered: answer.recovered,
    hasRecovered: "recovered" in answer,
    replay: await listener.drain(),
  };
}

describe("a listener of everything", { concurrency: true }, () => {
  test("gets what is kept, oldest first, and then what comes", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane");
    await tenant.publish(...records);
    const { listener, replay, hasRecovered } = await join(tenant);
    assert.deepEqual(replay, records.map(eventOf));
    assert.equal(hasRecovered, false, "nothing was asked to be recovered");
    const live = slo();
    await tenant.publish(live);
    assert.deepEqual(await listener.next(), eventOf(live));
  });

  test("gets the last hundred at most", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(107);
    await tenant.publish(...records.slice(0, 50));
    await tenant.publish(...records.slice(50));
    assert.deepEqual((await join(tenant)).replay, records.slice(7).map(eventOf));
  });

  test("gets only what came after the event that it names", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane", "john", "jane");
    await tenant.publish(...records);
    const { replay, recovered } = await join(tenant, {}, records[1].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, records.slice(2).map(eventOf));
  });

  test("gets nothing when it names the last event, and is told that it missed nothing", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(3);
    await tenant.publish(...records);
    const { replay, recovered } = await join(tenant, {}, records[2].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, []);
  });

  test("gets all that is kept when the event that it names is not, and is told so", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(3);
    await tenant.publish(...records);
    const { replay, recovered } = await join(tenant, {}, "never heard of");
    assert.equal(recovered, false);
    assert.deepEqual(replay, records.map(eventOf));
  });

  test("may name anything at all without doing harm", async () => {
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
      const { replay } = await join(tenant, {}, id);
      assert.deepEqual(replay, records.map(eventOf), id);
    }
  });

  test("gets them once, however impatiently it asks", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(3);
    await tenant.publish(...records);
    tenant.issuer.behaviour = keySetResponses.slow(200);
    const listener = await tenant.connect();
    for (let count = 0; count < 3; count += 1)
      listener.send({ type: "authenticate", access_token: tenant.token() });
    const messages = await listener.take(6);
    assert.deepEqual(
      messages.filter(({ type }) => type !== "authenticated"),
      records.map(eventOf),
    );
    assert.deepEqual(await listener.drain(), []);
  });

  test("cannot recover from an empty log", async () => {
    const { replay, recovered } = await join(new Tenant(worker), {}, "long ago");
    assert.equal(recovered, false);
    assert.deepEqual(replay, []);
  });

  test("can name the oldest event that is kept, but not the one before", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(101);
    await tenant.publish(...records);
    const oldest = await join(tenant, {}, records[1].log_id);
    assert.equal(oldest.recovered, true);
    assert.deepEqual(oldest.replay, records.slice(2).map(eventOf));
    const gone = await join(tenant, {}, records[0].log_id);
    assert.equal(gone.recovered, false);
    assert.deepEqual(gone.replay, records.slice(1).map(eventOf));
  });

  test("gets them in the order of arrival, whatever the dates say", async () => {
    const tenant = new Tenant(worker);
    const records = ["2030-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "2025-01-01T00:00:00Z"].map(
      (date) => slo({ date }),
    );
    for (const record of records) await tenant.publish(record);
    assert.deepEqual((await join(tenant)).replay, records.map(eventOf));
    assert.deepEqual(
      (await join(tenant, {}, records[0].log_id)).replay,
      records.slice(1).map(eventOf),
    );
  });

  test("gets the same after the object was thrown out of memory", async () => {
    const tenant = new Tenant(worker);
    const records = logouts(4);
    await tenant.publish(...records);
    await tenant.hub.evict();
    assert.deepEqual(
      (await join(tenant, {}, records[0].log_id)).replay,
      records.slice(1).map(eventOf),
    );
  });
});

describe("a listener of its own events", { concurrency: true }, () => {
  test("gets nothing from before unless it asks", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(...about("jane", "john"));
    const { replay, hasRecovered } = await join(tenant, JANE);
    assert.deepEqual(replay, []);
    assert.equal(hasRecovered, false);
  });

  test("gets only its own among what came after the event that it names", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane", "john", "jane");
    await tenant.publish(...records);
    const { replay, recovered } = await join(tenant, JANE, records[0].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, [records[2], records[4]].map(eventOf));
  });

  test("may name an event of someone else's", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane");
    await tenant.publish(...records);
    const { replay, recovered } = await join(tenant, JANE, records[1].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, [eventOf(records[2])]);
  });

  test("gets all of its own that are kept when the event that it names is not", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "jane");
    await tenant.publish(...records);
    const { replay, recovered } = await join(tenant, JANE, "never heard of");
    assert.equal(recovered, false);
    assert.deepEqual(replay, [records[0], records[2]].map(eventOf));
  });

  test("recovers to the end when nothing of its own came after", async () => {
    const tenant = new Tenant(worker);
    const records = about("jane", "john", "john");
    await tenant.publish(...records);
    const { replay, recovered } = await join(tenant, JANE, records[0].log_id);
    assert.equal(recovered, true);
    assert.deepEqual(replay, []);
  });
});

describe("between replay and live", { concurrency: true }, () => {
  const EVENTS = 30;

  /**
   * Publishes one event after the other while sockets keep joining, and checks what each of them
   * got in the end: `expected` gives that from all events and the socket's place among them.
   */
  async function whilePublishing(joinOne, expected) {
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
      sockets.push(await joinOne(tenant, first[0]));
    }
    await publishing;
    assert.ok(sockets.length > 3, `only ${sockets.length} sockets joined meanwhile`);
    const last = slo({ user_id: "auth0|jane" });
    await tenant.publish(last);
    const all = [...records, last].map(eventOf);
    for (const listener of sockets) {
      const got = [];
      do got.push(await listener.next());
      while (got.at(-1).id !== last.log_id);
      assert.deepEqual(await listener.drain(), []);
      assert.deepEqual(got, expected(all));
    }
  }

  test("nothing is lost or doubled for a listener of everything", async () => {
    await whilePublishing(
      (tenant) => tenant.subscribe(),
      (all) => all,
    );
  });

  test("nothing is lost or doubled for a listener of everything that comes back", async () => {
    await whilePublishing(
      (tenant, { log_id }) => tenant.subscribe({}, log_id),
      (all) => all.slice(1),
    );
  });

  test("nothing is lost or doubled for a listener of its own events that comes back", async () => {
    await whilePublishing(
      (tenant, { log_id }) => tenant.subscribe(JANE, log_id),
      (all) => all.slice(1).filter(({ user_id }) => user_id === JANE.sub),
    );
  });

  test("nothing is lost or doubled for a listener whose token came with the upgrade", async () => {
    await whilePublishing(
      async (tenant, { log_id }) => {
        const headers = { authorization: `Bearer ${tenant.token()}` };
        const listener = await Subscriber.connect(tenant.subscribeUrl(`?last_event_id=${log_id}`), {
          headers,
        });
        assert.equal((await listener.next()).type, "connected");
        assert.equal((await listener.next()).type, "authenticated");
        return listener;
      },
      (all) => all.slice(1),
    );
  });
});
