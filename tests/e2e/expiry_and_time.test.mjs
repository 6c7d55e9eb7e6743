// A socket's two deadlines: to authenticate within ten seconds, and to leave or renew when its
// token expires. Both hold for a hibernating object, which only its alarm can wake.
//
// The deadlines are real time; the tests of each group wait for them side by side.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { WITHOUT_ALARMS } from "../support/instrumented_runtime.mjs";
import { assertErrorMembers } from "../support/http.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const [worker, withoutAlarm] = await Promise.all([
  startWorker(),
  // An alarm may come late; here it never does.
  startWorker({ runtime: WITHOUT_ALARMS }),
]);

/** How late what is due may be: for a slow machine. */
const LATE = 15_000;

/** Asserts that the socket is closed with `code` at `due` (in ms), and not before. */
async function assertClosedAt(listener, code, due) {
  const closed = await listener.closedWith(code, due - Date.now() + LATE);
  assert.ok(Date.now() >= due - 50, `closed ${due - Date.now()} ms too early`);
  return closed;
}

describe("on time,", { concurrency: true }, () => {
  describe("a socket that does not authenticate", () => {
    const TIMEOUT = 10_000;

    test("is closed with 4408 after ten seconds", async () => {
      const before = Date.now();
      const listener = await new Tenant(worker).connect();
      assert.equal(
        (await assertClosedAt(listener, 4408, before + TIMEOUT)).reason,
        "authentication_timeout",
      );
    });

    test("is closed then also when the object was thrown out of memory", async () => {
      const tenant = new Tenant(worker);
      const before = Date.now();
      const listener = await tenant.connect();
      await tenant.hub.evict();
      await assertClosedAt(listener, 4408, before + TIMEOUT);
    });

    test("gains no time by pings and by messages that cannot be understood", async () => {
      const tenant = new Tenant(worker);
      const before = Date.now();
      const listener = await tenant.connect();
      await delay(before + 6_000 - Date.now());
      listener.send('{"type":"ping"}');
      listener.send("nonsense");
      const answers = await listener.take(2);
      assert.deepEqual(answers.map(({ type }) => type).sort(), ["error", "pong"]);
      await assertClosedAt(listener, 4408, before + TIMEOUT);
    });

    test("is closed on its own time, whoever comes after it", async () => {
      const tenant = new Tenant(worker);
      const first = { before: Date.now(), listener: await tenant.connect() };
      await tenant.subscribe({ exp: now() + 3600 });
      await delay(4_000);
      const second = { before: Date.now(), listener: await tenant.connect() };
      await delay(500);
      await tenant.connect();
      const closings = [first, second].map(({ before, listener }) =>
        assertClosedAt(listener, 4408, before + TIMEOUT),
      );
      await closings[0];
      assert.ok(second.listener.isOpen, "the second has some seconds left");
      await closings[1];
      assert.equal((await tenant.listeners()).connections.filter(({ sub }) => sub).length, 1);
    });

    test("is the only one to go: who has authenticated stays, in-band and on the upgrade", async () => {
      const tenant = new Tenant(worker);
      const inBand = await tenant.subscribe();
      const headers = { authorization: `Bearer ${tenant.token()}` };
      const onUpgrade = await tenant.connect({ headers });
      assert.equal((await onUpgrade.next()).type, "authenticated");
      const late = await tenant.connect();
      await late.closedWith(4408, TIMEOUT + LATE);
      const record = slo();
      await tenant.publish(record);
      for (const listener of [inBand, onUpgrade])
        assert.deepEqual(await listener.next(), eventOf(record));
    });

    test("may do so late", async () => {
      const tenant = new Tenant(worker);
      // So that the keys need not be fetched in the seconds that are left.
      await tenant.events();
      const before = Date.now();
      const listener = await tenant.connect();
      const later = await tenant.connect();
      await delay(before + 6_000 - Date.now());
      assert.equal((await listener.authenticate(tenant.token())).type, "authenticated");
      // The first one's time is over before that of the other.
      await later.closedWith(4408, TIMEOUT + LATE);
      assert.deepEqual(await listener.drain(), []);
    });
  });

  describe("a token that expires", () => {
    /** A listener whose token expires in `seconds`, and when that is, in ms. */
    async function expiring(tenant, seconds, claims) {
      const exp = now() + seconds;
      return { due: exp * 1000, listener: await tenant.subscribe({ exp, ...claims }) };
    }

    test("closes its socket with 4419", async () => {
      const { listener, due } = await expiring(new Tenant(worker), 8);
      assert.equal((await assertClosedAt(listener, 4419, due)).reason, "token_expired");
    });

    test("closes its socket also when the object was thrown out of memory", async () => {
      const tenant = new Tenant(worker);
      const { listener, due } = await expiring(tenant, 8);
      await tenant.hub.evict();
      await assertClosedAt(listener, 4419, due);
    });

    test("in thousands of years lets its socket hear until then", async () => {
      const tenant = new Tenant(worker);
      const token = tenant.token({ exp: Date.parse("9000-01-01") / 1000 });
      const listener = await tenant.connect({ headers: { authorization: `Bearer ${token}` } });
      assert.equal((await listener.next()).type, "authenticated");
      const record = slo();
      await tenant.publish(record);
      assert.deepEqual(await listener.next(), eventOf(record));
    });

    test("closes its socket also when it came with the upgrade", async () => {
      const tenant = new Tenant(worker);
      const exp = now() + 8;
      const listener = await tenant.connect({
        headers: { authorization: `Bearer ${tenant.token({ exp })}` },
      });
      assert.equal((await listener.next()).type, "authenticated");
      await assertClosedAt(listener, 4419, exp * 1000);
    });

    test("closes no other socket", async () => {
      const tenant = new Tenant(worker);
      const stays = await tenant.subscribe();
      const soon = await expiring(tenant, 8);
      const later = await expiring(tenant, 14);
      await assertClosedAt(soon.listener, 4419, soon.due);
      assert.ok(later.listener.isOpen);
      await assertClosedAt(later.listener, 4419, later.due);
      const record = slo();
      await tenant.publish(record);
      assert.deepEqual(await stays.next(), eventOf(record));
      assert.equal((await tenant.listeners()).count, 1);
    });

    test("lets events through to its very end, and none after", async () => {
      const tenant = new Tenant(worker);
      const { listener, due } = await expiring(tenant, 8);
      await delay(due - 4_000 - Date.now());
      const sentAt = new Map();
      while (listener.isOpen && Date.now() < due + LATE) {
        const record = slo();
        sentAt.set(record.log_id, Date.now());
        await tenant.publish(record);
      }
      await listener.closedWith(4419);
      const got = listener.remaining().map(({ id }) => id);
      assert.notEqual(got.length, 0, "some were published before the end");
      assert.deepEqual(got, [...sentAt.keys()].slice(0, got.length), "none of them is missing");
      for (const id of got) assert.ok(sentAt.get(id) <= due, "none was published after the end");
    });

    test("lets no event through after its end, should the alarm be late", async () => {
      const tenant = new Tenant(withoutAlarm);
      const lasting = await tenant.subscribe();
      const { listener, due } = await expiring(tenant, 8);
      const [inTime, late] = [slo(), slo()];
      await tenant.publish(inTime);
      assert.deepEqual(await listener.next(), eventOf(inTime));
      await delay(due - Date.now());
      await tenant.publish(late);
      assert.deepEqual(await lasting.take(2), [inTime, late].map(eventOf));
      // The runtime answers this by itself; what woke the object would have it look at the time.
      listener.send({ type: "ping" });
      assert.deepEqual(await listener.next(), { type: "pong" }, "and nothing before it");
    });

    for (const [state, between] of [
      ["awake", () => {}],
      ["thrown out of memory before", (tenant) => tenant.hub.evict()],
    ]) {
      test(`can be renewed while the object is ${state}; then the new one's end counts`, async () => {
        const tenant = new Tenant(worker);
        await tenant.publish(slo());
        const { listener, due } = await expiring(tenant, 8, { scope: "listen:events:self" });
        await between(tenant);
        const exp = now() + 16;
        const answer = await listener.authenticate(tenant.token({ exp }));
        assert.equal(answer.type, "authenticated");
        assert.equal(Date.parse(answer.expires_at), exp * 1000);
        await between(tenant);
        await delay(due + 1_000 - Date.now());
        const record = slo();
        await tenant.publish(record);
        assert.deepEqual(
          await listener.next(),
          eventOf(record),
          "nothing was replayed, and the socket lives",
        );
        await assertClosedAt(listener, 4419, exp * 1000);
      });
    }

    test("can be renewed by one that expires sooner", async () => {
      const tenant = new Tenant(worker);
      const { listener } = await expiring(tenant, 3600);
      const exp = now() + 8;
      await listener.authenticate(tenant.token({ exp }));
      await assertClosedAt(listener, 4419, exp * 1000);
    });

    test("is renewed without a replay even when an event is named", async () => {
      const tenant = new Tenant(worker);
      const records = [slo(), slo(), slo()];
      await tenant.publish(...records);
      const listener = await tenant.subscribe({}, records[2].log_id);
      const answer = await listener.authenticate(tenant.token(), records[0].log_id);
      assert.equal(answer.type, "authenticated");
      assert.deepEqual(await listener.drain(), []);
    });

    test("takes the socket with it when the renewal fails", async () => {
      const tenant = new Tenant(worker);
      const bad = await tenant.subscribe();
      const { type, ...fault } = await bad.authenticate(tenant.token({ exp: now() - 1 }));
      assert.equal(type, "authentication_failed");
      assertErrorMembers(fault, "invalid_token");
      await bad.closedWith(4401);

      const unfit = await tenant.subscribe();
      assert.equal(
        (await unfit.authenticate(tenant.token({ scope: "" }))).error,
        "insufficient_scope",
      );
      await unfit.closedWith(4403);
    });
  });
});
