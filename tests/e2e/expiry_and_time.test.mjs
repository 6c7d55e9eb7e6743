// The two deadlines of a socket: it must authenticate within ten seconds, and renew its token before
// the token expires. A timer keeps the first, which keeps the object in memory. The alarm keeps the
// second, also while the object hibernates.
//
// The tests wait in real time, and those of each group run concurrently.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { WITHOUT_ALARMS, withoutTimersOver } from "../support/instrumented_runtime.mjs";
import { assertErrorMembers } from "../support/http.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const [worker, workerWithoutAlarms, workerWithoutLongTimers] = await Promise.all([
  startWorker(),
  // Simulates an alarm that is late.
  startWorker({ runtime: WITHOUT_ALARMS }),
  // Ignores the timer that a new socket starts, but not the one that an evicted object starts later.
  startWorker({ runtime: withoutTimersOver(9_000) }),
]);

/** Tolerance for a slow machine, in milliseconds. */
const TOLERANCE = 15_000;

/** Asserts that the socket is closed with `code` at `due` (in ms) and not earlier. */
async function assertClosedAt(subscriber, code, due) {
  const closed = await subscriber.closedWith(code, due - Date.now() + TOLERANCE);
  assert.ok(Date.now() >= due - 50, `closed ${due - Date.now()} ms too early`);
  return closed;
}

describe("deadlines", { concurrency: true }, () => {
  describe("a socket that does not authenticate", () => {
    const TIMEOUT = 10_000;

    test("is closed with 4408 after ten seconds", async () => {
      const before = Date.now();
      const subscriber = await new Tenant(worker).connect();
      assert.equal(
        (await assertClosedAt(subscriber, 4408, before + TIMEOUT)).reason,
        "authentication_timeout",
      );
    });

    test("is closed on time without an alarm", async () => {
      const before = Date.now();
      const subscriber = await new Tenant(workerWithoutAlarms).connect();
      await assertClosedAt(subscriber, 4408, before + TIMEOUT);
    });

    for (const [request, wake] of [
      ["a request", (tenant) => tenant.events()],
      ["a message of another socket", (tenant, other) => other.drain()],
    ]) {
      test(`is closed on time if the object was evicted from memory and ${request} wakes it`, async () => {
        const tenant = new Tenant(workerWithoutLongTimers);
        const other = await tenant.subscribe();
        const before = Date.now();
        const subscriber = await tenant.connect();
        await delay(1_500);
        await tenant.object.evict();
        await wake(tenant, other);
        await assertClosedAt(subscriber, 4408, before + TIMEOUT);
      });

      test(`is closed at once if ${request} wakes the object after the deadline`, async () => {
        const tenant = new Tenant(workerWithoutLongTimers);
        const other = await tenant.subscribe();
        const before = Date.now();
        const subscriber = await tenant.connect();
        await tenant.object.evict();
        await delay(before + TIMEOUT + 500 - Date.now());
        assert.ok(subscriber.isOpen);
        await wake(tenant, other);
        await subscriber.closedWith(4408, 5_000);
      });
    }

    test("stays open while a token that it sent in time is verified", async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = keySetResponses.slow(3_000);
      const before = Date.now();
      const subscriber = await tenant.connect();
      await delay(before + TIMEOUT - 1_500 - Date.now());
      const response = await subscriber.authenticate(tenant.token());
      assert.equal(response.type, "authenticated");
      assert.ok(Date.now() > before + TIMEOUT, "the verification ended before the deadline");
      assert.deepEqual(await subscriber.drain(), []);
    });

    test("is closed on time if it connects while the token of another socket is verified", async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = keySetResponses.slow(4_000);
      const before = Date.now();
      const other = await tenant.connect();
      await delay(before + TIMEOUT - 1_000 - Date.now());
      const response = other.authenticate(tenant.token());
      await delay(before + TIMEOUT + 1_000 - Date.now());
      const connectedAt = Date.now();
      const subscriber = await tenant.connect();
      assert.equal((await response).type, "authenticated");
      await assertClosedAt(subscriber, 4408, connectedAt + TIMEOUT);
    });

    test("is closed on time if it sends pings or invalid messages", async () => {
      const tenant = new Tenant(worker);
      const before = Date.now();
      const subscriber = await tenant.connect();
      await delay(before + 6_000 - Date.now());
      subscriber.send('{"type":"ping"}');
      subscriber.send("nonsense");
      const responses = await subscriber.take(2);
      assert.deepEqual(responses.map(({ type }) => type).sort(), ["error", "pong"]);
      await assertClosedAt(subscriber, 4408, before + TIMEOUT);
    });

    test("is closed on time if other sockets connect later", async () => {
      const tenant = new Tenant(worker);
      const first = { before: Date.now(), subscriber: await tenant.connect() };
      await tenant.subscribe({ exp: now() + 3600 });
      await delay(4_000);
      const second = { before: Date.now(), subscriber: await tenant.connect() };
      await delay(500);
      await tenant.connect();
      const closings = [first, second].map(({ before, subscriber }) =>
        assertClosedAt(subscriber, 4408, before + TIMEOUT),
      );
      await closings[0];
      assert.ok(second.subscriber.isOpen, "the deadline of the second is later");
      await closings[1];
      assert.equal((await tenant.listeners()).connections.filter(({ sub }) => sub).length, 1);
    });

    test("is closed without effect on authenticated sockets", async () => {
      const tenant = new Tenant(worker);
      const byMessage = await tenant.subscribe();
      const headers = { authorization: `Bearer ${tenant.token()}` };
      const byUpgrade = await tenant.connect({ headers });
      assert.equal((await byUpgrade.next()).type, "authenticated");
      const late = await tenant.connect();
      await late.closedWith(4408, TIMEOUT + TOLERANCE);
      const record = slo();
      await tenant.publish(record);
      for (const subscriber of [byMessage, byUpgrade])
        assert.deepEqual(await subscriber.next(), eventOf(record));
    });

    test("may still authenticate shortly before the deadline", async () => {
      const tenant = new Tenant(worker);
      // Caches the key set, so that the token check below is fast.
      await tenant.events();
      const before = Date.now();
      const subscriber = await tenant.connect();
      const later = await tenant.connect();
      await delay(before + 6_000 - Date.now());
      assert.equal((await subscriber.authenticate(tenant.token())).type, "authenticated");
      // The deadline of the first socket was earlier than this one.
      await later.closedWith(4408, TIMEOUT + TOLERANCE);
      assert.deepEqual(await subscriber.drain(), []);
    });
  });

  describe("an expiring token", () => {
    /** Opens a subscriber whose token expires in `seconds`, at `due` (in ms). */
    async function subscribeExpiring(tenant, seconds, claims) {
      const exp = now() + seconds;
      return { due: exp * 1000, subscriber: await tenant.subscribe({ exp, ...claims }) };
    }

    test("closes its socket with 4419", async () => {
      const { subscriber, due } = await subscribeExpiring(new Tenant(worker), 8);
      assert.equal((await assertClosedAt(subscriber, 4419, due)).reason, "token_expired");
    });

    test("closes its socket if the object was evicted from memory", async () => {
      const tenant = new Tenant(worker);
      const { subscriber, due } = await subscribeExpiring(tenant, 8);
      await tenant.object.evict();
      await assertClosedAt(subscriber, 4419, due);
    });

    test("may expire in thousands of years", async () => {
      const tenant = new Tenant(worker);
      const token = tenant.token({ exp: Date.parse("9000-01-01") / 1000 });
      const subscriber = await tenant.connect({ headers: { authorization: `Bearer ${token}` } });
      assert.equal((await subscriber.next()).type, "authenticated");
      const record = slo();
      await tenant.publish(record);
      assert.deepEqual(await subscriber.next(), eventOf(record));
    });

    test("closes its socket if it was sent with the upgrade", async () => {
      const tenant = new Tenant(worker);
      const exp = now() + 8;
      const subscriber = await tenant.connect({
        headers: { authorization: `Bearer ${tenant.token({ exp })}` },
      });
      assert.equal((await subscriber.next()).type, "authenticated");
      await assertClosedAt(subscriber, 4419, exp * 1000);
    });

    test("closes no other socket", async () => {
      const tenant = new Tenant(worker);
      const unexpired = await tenant.subscribe();
      const soon = await subscribeExpiring(tenant, 8);
      const later = await subscribeExpiring(tenant, 14);
      await assertClosedAt(soon.subscriber, 4419, soon.due);
      assert.ok(later.subscriber.isOpen);
      await assertClosedAt(later.subscriber, 4419, later.due);
      const record = slo();
      await tenant.publish(record);
      assert.deepEqual(await unexpired.next(), eventOf(record));
      assert.equal((await tenant.listeners()).count, 1);
    });

    test("allows the delivery of events until it expires, and not later", async () => {
      const tenant = new Tenant(worker);
      const { subscriber, due } = await subscribeExpiring(tenant, 12);
      await delay(due - 4_000 - Date.now());
      const sentAt = new Map();
      while (subscriber.isOpen && Date.now() < due + TOLERANCE) {
        const record = slo();
        sentAt.set(record.log_id, Date.now());
        await tenant.publish(record);
      }
      await subscriber.closedWith(4419);
      const receivedIds = subscriber.remaining().map(({ id }) => id);
      assert.notEqual(receivedIds.length, 0, "some events were published before the expiry");
      assert.deepEqual(
        receivedIds,
        [...sentAt.keys()].slice(0, receivedIds.length),
        "no event is missing",
      );
      for (const id of receivedIds) assert.ok(sentAt.get(id) <= due, "published before the expiry");
    });

    test("prevents the delivery of events after it expires, even if the alarm is late", async () => {
      const tenant = new Tenant(workerWithoutAlarms);
      const unexpired = await tenant.subscribe();
      const { subscriber, due } = await subscribeExpiring(tenant, 8);
      const [inTime, late] = [slo(), slo()];
      await tenant.publish(inTime);
      assert.deepEqual(await subscriber.next(), eventOf(inTime));
      await delay(due - Date.now());
      await tenant.publish(late);
      assert.deepEqual(await unexpired.take(2), [inTime, late].map(eventOf));
      // The runtime answers this ping itself. Waking the object would make it check the deadlines.
      subscriber.send({ type: "ping" });
      assert.deepEqual(await subscriber.next(), { type: "pong" }, "no message precedes the pong");
    });

    for (const [state, prepare] of [
      ["awake", () => {}],
      ["evicted from memory", (tenant) => tenant.object.evict()],
    ]) {
      test(`can be renewed while the object is ${state}, which moves the deadline`, async () => {
        const tenant = new Tenant(worker);
        await tenant.publish(slo());
        const { subscriber, due } = await subscribeExpiring(tenant, 8, {
          scope: "listen:events:self",
        });
        await prepare(tenant);
        const exp = now() + 16;
        const response = await subscriber.authenticate(tenant.token({ exp }));
        assert.equal(response.type, "authenticated");
        assert.equal(Date.parse(response.expires_at), exp * 1000);
        await prepare(tenant);
        await delay(due + 1_000 - Date.now());
        const record = slo();
        await tenant.publish(record);
        assert.deepEqual(
          await subscriber.next(),
          eventOf(record),
          "the socket is open, and no event was replayed",
        );
        await assertClosedAt(subscriber, 4419, exp * 1000);
      });
    }

    test("can be replaced by a token that expires sooner", async () => {
      const tenant = new Tenant(worker);
      const { subscriber } = await subscribeExpiring(tenant, 3600);
      const exp = now() + 8;
      await subscriber.authenticate(tenant.token({ exp }));
      await assertClosedAt(subscriber, 4419, exp * 1000);
    });

    test("can be renewed without a replay, even with a last_event_id", async () => {
      const tenant = new Tenant(worker);
      const records = [slo(), slo(), slo()];
      await tenant.publish(...records);
      const subscriber = await tenant.subscribe({}, records[2].log_id);
      const response = await subscriber.authenticate(tenant.token(), records[0].log_id);
      assert.equal(response.type, "authenticated");
      assert.deepEqual(await subscriber.drain(), []);
    });

    test("closes its socket if the renewal fails", async () => {
      const tenant = new Tenant(worker);
      const invalid = await tenant.subscribe();
      const { type, ...error } = await invalid.authenticate(tenant.token({ exp: now() - 1 }));
      assert.equal(type, "authentication_failed");
      assertErrorMembers(error, "invalid_token");
      await invalid.closedWith(4401);

      const insufficient = await tenant.subscribe();
      assert.equal(
        (await insufficient.authenticate(tenant.token({ scope: "" }))).error,
        "insufficient_scope",
      );
      await insufficient.closedWith(4403);
    });
  });
});
