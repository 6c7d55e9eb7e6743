// A hibernating object keeps its sockets and nothing else in memory. Woken, it has to know all
// that it knew: from its sockets' attachments and from its database.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const JANE = { sub: "auth0|jane", scope: "listen:events:self" };

describe("after a hibernation", { concurrency: true }, () => {
  test("a listener that had authenticated gets the events that it may see", async () => {
    const tenant = new Tenant(worker);
    const everything = await tenant.subscribe();
    const own = await tenant.subscribe(JANE);
    const waiting = await tenant.connect();
    for (let round = 0; round < 3; round += 1) {
      await tenant.hub.evict();
      const records = [slo({ user_id: "auth0|john" }), slo({ user_id: "auth0|jane" })];
      await tenant.publish(...records);
      assert.deepEqual(await everything.take(2), records.map(eventOf));
      assert.deepEqual(await own.next(), eventOf(records[1]));
    }
    for (const listener of [everything, own, waiting]) assert.deepEqual(await listener.drain(), []);
  });

  test("a listener whose token came with the upgrade gets its events too", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.connect({
      headers: { authorization: `Bearer ${tenant.token(JANE)}` },
    });
    await listener.next();
    await tenant.hub.evict();
    const records = [slo(), slo({ user_id: "auth0|jane" })];
    await tenant.publish(...records);
    assert.deepEqual(await listener.next(), eventOf(records[1]));
  });

  test("the answer of listeners is what it was", async () => {
    const tenant = new Tenant(worker);
    await tenant.subscribe({ sub: "backend@clients" });
    await tenant.subscribe(JANE);
    await tenant.connect();
    const before = await tenant.listeners();
    assert.equal(before.count, 3);
    await tenant.hub.evict();
    const after = await tenant.listeners();
    const byTime = (one, two) => one.connected_on.localeCompare(two.connected_on);
    assert.deepEqual(after.connections.sort(byTime), before.connections.sort(byTime));
    assert.equal(after.count, 3);
  });

  test("a socket with the largest claims that fit a token keeps them", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe({ ...JANE, roles: "r".repeat(5_500) });
    await tenant.hub.evict();
    const record = slo({ user_id: "auth0|jane" });
    await tenant.publish(record);
    assert.deepEqual(await listener.next(), eventOf(record));
  });

  test("a socket that had not authenticated may do so", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.connect();
    await tenant.hub.evict();
    assert.equal((await listener.authenticate(tenant.token())).type, "authenticated");
    await tenant.hub.evict();
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await listener.next(), eventOf(record));
  });

  test("a renewal is still none of a first authentication: nothing is replayed", async () => {
    const tenant = new Tenant(worker);
    const record = slo();
    await tenant.publish(record);
    const listener = await tenant.subscribe({}, record.log_id);
    await tenant.hub.evict();
    const answer = await listener.authenticate(tenant.token({ sub: "auth0|renewed" }));
    assert.equal(answer.type, "authenticated");
    assert.deepEqual(await listener.drain(), []);
    await tenant.hub.evict();
    assert.equal((await tenant.listeners()).connections[0].sub, "auth0|renewed");
  });

  test("messages that could not be understood are still counted", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe();
    for (let count = 1; count <= 9; count += 1) {
      if (count % 3 === 0) await tenant.hub.evict();
      listener.send("nonsense");
      assert.equal((await listener.next()).type, "error");
    }
    assert.deepEqual(await listener.drain(), [], "nine are forgiven");
    await tenant.hub.evict();
    listener.send("nonsense");
    assert.equal((await listener.next()).type, "error");
    await listener.closedWith(4400);
  });

  test("a failed authentication, a message too large and a close are dealt with as ever", async () => {
    const tenant = new Tenant(worker);
    const [bad, large, leaving, stays] = [
      await tenant.connect(),
      await tenant.subscribe(),
      await tenant.subscribe(),
      await tenant.subscribe(),
    ];
    await tenant.hub.evict();
    assert.equal((await bad.authenticate("x")).error, "invalid_token");
    await bad.closedWith(4401);
    await tenant.hub.evict();
    large.send("x".repeat(16_385));
    await large.closedWith(1009);
    await tenant.hub.evict();
    assert.equal((await leaving.close(1000)).code, 1000);
    await tenant.hub.evictIfRunning();
    assert.equal((await tenant.listeners()).count, 1);
    assert.ok(stays.isOpen);
  });

  test("pings of either kind are answered without waking the object", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe();
    await tenant.hub.evict();
    const pong = once(listener.socket, "pong");
    listener.socket.ping();
    await pong;
    listener.send('{"type":"ping"}');
    assert.deepEqual(await listener.next(), { type: "pong" });
    assert.equal(await tenant.hub.evictIfRunning(), false);
  });

  test("that came by itself, an expiring token closes its socket on time, and the rest goes on", async () => {
    const tenant = new Tenant(worker);
    const exp = now() + 32;
    const expiring = await tenant.subscribe({ exp });
    const stays = await tenant.subscribe();
    await delay(exp * 1000 - 6_000 - Date.now());
    assert.equal(await tenant.hub.evictIfRunning(), false, "it has been idle for long enough");
    await expiring.closedWith(4419, exp * 1000 - Date.now() + 15_000);
    assert.ok(Date.now() >= exp * 1000 - 50, "not before its time");
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await stays.next(), eventOf(record));
  });
});
