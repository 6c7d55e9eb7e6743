// Hibernation keeps an object's sockets and drops everything else in memory. When the object wakes,
// it must restore its state from the attachments of its sockets and from its database.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { WITHOUT_DEADLINE } from "../support/instrumented_runtime.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker({ runtime: WITHOUT_DEADLINE });
const JANE = { sub: "auth0|jane", scope: "listen:events:self" };

describe("after hibernation", { concurrency: true }, () => {
  test("an authenticated subscriber still receives the events that its filter allows", async () => {
    const tenant = new Tenant(worker);
    const all = await tenant.subscribe();
    const own = await tenant.subscribe(JANE);
    const unauthenticated = await tenant.connect();
    for (let round = 0; round < 3; round += 1) {
      await tenant.object.evict();
      const records = [slo({ user_id: "auth0|john" }), slo({ user_id: "auth0|jane" })];
      await tenant.publish(...records);
      assert.deepEqual(await all.take(2), records.map(eventOf));
      assert.deepEqual(await own.next(), eventOf(records[1]));
    }
    for (const subscriber of [all, own, unauthenticated])
      assert.deepEqual(await subscriber.drain(), []);
  });

  test("a subscriber that sent its token with the upgrade still receives its events", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.connect({
      headers: { authorization: `Bearer ${tenant.token(JANE)}` },
    });
    await subscriber.next();
    await tenant.object.evict();
    const records = [slo(), slo({ user_id: "auth0|jane" })];
    await tenant.publish(...records);
    assert.deepEqual(await subscriber.next(), eventOf(records[1]));
  });

  test("/api/listeners responds as before", async () => {
    const tenant = new Tenant(worker);
    await tenant.subscribe({ sub: "backend@clients" });
    await tenant.subscribe(JANE);
    await tenant.connect();
    const before = await tenant.listeners();
    assert.equal(before.count, 3);
    await tenant.object.evict();
    const after = await tenant.listeners();
    const byTime = (one, two) => one.connected_on.localeCompare(two.connected_on);
    assert.deepEqual(after.connections.sort(byTime), before.connections.sort(byTime));
    assert.equal(after.count, 3);
  });

  test("a socket keeps claims as large as a token allows", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe({ ...JANE, roles: "r".repeat(5_500) });
    await tenant.object.evict();
    const record = slo({ user_id: "auth0|jane" });
    await tenant.publish(record);
    assert.deepEqual(await subscriber.next(), eventOf(record));
  });

  test("an unauthenticated socket can still authenticate", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.connect();
    await tenant.object.evict();
    assert.equal((await subscriber.authenticate(tenant.token())).type, "authenticated");
    await tenant.object.evict();
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await subscriber.next(), eventOf(record));
  });

  test("a token renewal still replays no events", async () => {
    const tenant = new Tenant(worker);
    const record = slo();
    await tenant.publish(record);
    const subscriber = await tenant.subscribe({}, record.log_id);
    await tenant.object.evict();
    const response = await subscriber.authenticate(tenant.token({ sub: "auth0|renewed" }));
    assert.equal(response.type, "authenticated");
    assert.deepEqual(await subscriber.drain(), []);
    await tenant.object.evict();
    assert.equal((await tenant.listeners()).connections[0].sub, "auth0|renewed");
  });

  test("invalid messages from before still count towards the limit", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    for (let count = 1; count <= 9; count += 1) {
      if (count % 3 === 0) await tenant.object.evict();
      subscriber.send("nonsense");
      assert.equal((await subscriber.next()).type, "error");
    }
    assert.deepEqual(await subscriber.drain(), [], "nine invalid messages keep the socket open");
    await tenant.object.evict();
    subscriber.send("nonsense");
    assert.equal((await subscriber.next()).type, "error");
    await subscriber.closedWith(4400);
  });

  test("a failed authentication, an oversized message and a close are handled as before", async () => {
    const tenant = new Tenant(worker);
    const [bad, large, closing, staying] = [
      await tenant.connect(),
      await tenant.subscribe(),
      await tenant.subscribe(),
      await tenant.subscribe(),
    ];
    await tenant.object.evict();
    assert.equal((await bad.authenticate("x")).error, "invalid_token");
    await bad.closedWith(4401);
    await tenant.object.evict();
    large.send("x".repeat(16_385));
    await large.closedWith(1009);
    await tenant.object.evict();
    assert.equal((await closing.close(1000)).code, 1000);
    await tenant.object.evictIfRunning();
    assert.equal((await tenant.listeners()).count, 1);
    assert.ok(staying.isOpen);
  });

  test("JSON pings and WebSocket pings get a pong without waking the object", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    await tenant.object.evict();
    const pong = once(subscriber.socket, "pong");
    subscriber.socket.ping();
    await pong;
    subscriber.send('{"type":"ping"}');
    assert.deepEqual(await subscriber.next(), { type: "pong" });
    assert.equal(await tenant.object.evictIfRunning(), false);
  });

  test("caused by inactivity, an expiring token closes its socket on time and other sockets stay open", async () => {
    const tenant = new Tenant(worker);
    const exp = now() + 32;
    const expiring = await tenant.subscribe({ exp });
    const staying = await tenant.subscribe();
    await delay(exp * 1000 - 6_000 - Date.now());
    assert.equal(
      await tenant.object.evictIfRunning(),
      false,
      "the runtime has already hibernated the idle object",
    );
    await expiring.closedWith(4419, exp * 1000 - Date.now() + 15_000);
    assert.ok(Date.now() >= exp * 1000 - 50, "the socket closed before its token expired");
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await staying.next(), eventOf(record));
  });
});
