// Limits per tenant, per subject and per socket. Reaching a limit refuses new sockets and never
// closes existing ones to make room.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { WITHOUT_ALARMS } from "../support/instrumented_runtime.mjs";
import { terminateAll, openManySockets, openSocket } from "../support/sockets.mjs";
import { assertError } from "../support/http.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

// All sockets share one address here. rate_limits.test.mjs tests the limit per address.
const configure = (wranglerToml) => wranglerToml.replaceAll("limit = 3000", "limit = 1000000");
const worker = await startWorker({ configure });
// A worker without the authentication deadline, because opening so many sockets takes time.
const withoutDeadline = await startWorker({ configure, runtime: WITHOUT_ALARMS });

const opened = [];
after(() => terminateAll(opened.flat()));

const JANE = { sub: "auth0|jane", scope: "listen:events:self" };
const MARY = { sub: "auth0|mary", scope: "listen:events:self" };
const BACKEND = { sub: "backend@clients", scope: "listen:events" };
const bearer = (token) => ({ authorization: `Bearer ${token}` });

async function openSockets(tenant, count, claims) {
  const headers = claims ? bearer(tenant.token(claims)) : {};
  const { sockets, refusal } = await openManySockets(tenant.subscribeUrl(), count, () => headers);
  opened.push(sockets);
  return { sockets, refusal };
}

/** Asserts that an upgrade was refused with 503 and this `Retry-After`. */
async function assertRefused(response, seconds) {
  await assertError(response, 503, "too_many_sockets");
  assert.equal(response.headers.get("retry-after"), String(seconds));
}

/** Asserts that a token of this subject is refused, both on the upgrade and on a socket. */
async function assertSubjectRefused(tenant, claims) {
  const token = tenant.token(claims);
  await assertRefused(await openSocket(tenant.subscribeUrl(), bearer(token)), 60);
  const subscriber = await tenant.connect();
  const { type, error } = await subscriber.authenticate(token);
  assert.deepEqual([type, error], ["authentication_failed", "too_many_sockets"]);
  await subscriber.closedWith(1013);
}

describe("socket limits", () => {
  test("a tenant accepts 1,000 unauthenticated sockets, and further sockets only with a token", async () => {
    const tenant = new Tenant(withoutDeadline);
    const subscriber = await tenant.subscribe();
    const { sockets, refusal } = await openSockets(tenant, 10_000);
    assert.ok(refusal, `all ${sockets.length} sockets were accepted`);
    await assertRefused(refusal, 10);
    const unauthenticated = sockets.filter((socket) => socket.readyState === socket.OPEN);
    assert.equal(unauthenticated.length, 1_000);

    const late = await Subscriber.connect(tenant.subscribeUrl(), {
      headers: bearer(tenant.token()),
    });
    assert.equal((await late.take(2))[1].type, "authenticated");
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(
      await subscriber.next(),
      eventOf(record),
      "the existing socket still receives events",
    );

    terminateAll(sockets);
    await waitFor(async () => {
      const outcome = await openSocket(tenant.subscribeUrl());
      if (outcome.status !== undefined) return false;
      outcome.terminate();
      return true;
    });
  });

  test("a user may have 100 sockets, also after hibernation, regardless of other users", async () => {
    const tenant = new Tenant(worker);
    const { sockets, refusal } = await openSockets(tenant, 100, JANE);
    assert.deepEqual([sockets.length, refusal], [100, undefined]);
    await assertSubjectRefused(tenant, JANE);
    await tenant.object.evict();
    await assertSubjectRefused(tenant, JANE);
    const mary = await tenant.subscribe(MARY);

    const [renewed, closing] = sockets;
    renewed.send(JSON.stringify({ type: "authenticate", access_token: tenant.token(JANE) }));
    closing.close();
    await waitFor(async () => (await tenant.listeners()).count === 100);
    const jane = await tenant.subscribe(JANE);
    const record = slo({ user_id: "auth0|jane" });
    await tenant.publish(record);
    assert.deepEqual(await jane.next(), eventOf(record));
    assert.deepEqual(await mary.drain(), []);
  });

  test("a backend may have 1,000 sockets", async () => {
    const tenant = new Tenant(worker);
    const { sockets, refusal } = await openSockets(tenant, 1_000, BACKEND);
    assert.deepEqual([sockets.length, refusal], [1_000, undefined]);
    await assertSubjectRefused(tenant, BACKEND);
    await tenant.subscribe({ ...BACKEND, sub: "other@clients" });
  });
});

describe("the message limit", { concurrency: true }, () => {
  test("a socket that sends more than 100 messages a second is closed", async () => {
    const tenant = new Tenant(worker);
    const [slow, fast] = [await tenant.subscribe(), await tenant.subscribe()];
    for (let count = 0; count < 90; count += 1) slow.send({ type: "ping", count });
    assert.deepEqual(await slow.take(90), Array(90).fill({ type: "pong" }));
    // Enough messages for more than 100 in one second, wherever that second begins.
    for (let count = 0; count < 2_000; count += 1) fast.send({ type: "ping", count });
    const { reason } = await fast.closedWith(1013);
    assert.equal(reason, "too_many_messages");
    assert.ok(fast.remaining().length < 2_000);
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await slow.next(), eventOf(record));
  });

  test("pings that the runtime answers by itself do not count", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    for (let count = 0; count < 200; count += 1) subscriber.send('{"type":"ping"}');
    assert.deepEqual(await subscriber.take(200), Array(200).fill({ type: "pong" }));
    assert.deepEqual(await subscriber.drain(), []);
  });
});

describe("a published body", { concurrency: true }, () => {
  const bodyOf = (count) => `[${Array(count).fill("{}").join(",")}]`;

  test("may contain 50,000 records", async () => {
    const { received, malformed } = await new Tenant(worker).publishBody(bodyOf(50_000));
    assert.deepEqual([received, malformed], [50_000, 50_000]);
  });

  test("with more records is refused as a whole, and no record is stored", async () => {
    const tenant = new Tenant(worker);
    const body = `[${JSON.stringify(slo())},${bodyOf(50_000).slice(1)}`;
    await assertError(await tenant.post(body), 413, "payload_too_large");
    assert.deepEqual(await tenant.events(), []);
  });
});
