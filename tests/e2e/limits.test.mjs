// What one tenant, one subject and one socket may take up, and what becomes of more. Nothing that
// is there already is ever closed to make room.
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

// All sockets come from one address here; how many may is another test's matter.
const configure = (wranglerToml) => wranglerToml.replaceAll("limit = 3000", "limit = 1000000");
const worker = await startWorker({ configure });
// Here no socket's time to authenticate is ever over, however long it takes to gather so many.
const patient = await startWorker({ configure, runtime: WITHOUT_ALARMS });

const crowds = [];
after(() => terminateAll(crowds.flat()));

const JANE = { sub: "auth0|jane", scope: "listen:events:self" };
const MARY = { sub: "auth0|mary", scope: "listen:events:self" };
const BACKEND = { sub: "backend@clients", scope: "listen:events" };
const bearer = (token) => ({ authorization: `Bearer ${token}` });

async function crowd(tenant, count, claims) {
  const headers = claims ? bearer(tenant.token(claims)) : {};
  const { sockets, refusal } = await openManySockets(tenant.subscribeUrl(), count, () => headers);
  crowds.push(sockets);
  return { sockets, refusal };
}

/** Asserts that an upgrade has been answered with 503, and with a time to come back. */
async function assertNoRoom(answer, seconds) {
  await assertError(answer, 503, "too_many_sockets");
  assert.equal(answer.headers.get("retry-after"), String(seconds));
}

/** Asserts that nobody may be this listener: neither by a token on the upgrade nor by one after. */
async function assertNoRoomFor(tenant, claims) {
  const token = tenant.token(claims);
  await assertNoRoom(await openSocket(tenant.subscribeUrl(), bearer(token)), 60);
  const listener = await tenant.connect();
  const { type, error } = await listener.authenticate(token);
  assert.deepEqual([type, error], ["authentication_failed", "too_many_sockets"]);
  await listener.closedWith(1013);
}

describe("sockets", () => {
  test("without a token may be 1,000 of a tenant's; who has one comes in all the same", async () => {
    const tenant = new Tenant(patient);
    const listener = await tenant.subscribe();
    const { sockets, refusal } = await crowd(tenant, 10_000);
    assert.ok(refusal, `all of ${sockets.length} were let in`);
    await assertNoRoom(refusal, 10);
    const waiting = sockets.filter((socket) => socket.readyState === socket.OPEN);
    assert.equal(waiting.length, 1_000);

    const late = await Subscriber.connect(tenant.subscribeUrl(), {
      headers: bearer(tenant.token()),
    });
    assert.equal((await late.take(2))[1].type, "authenticated");
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await listener.next(), eventOf(record), "who was there is not disturbed");

    terminateAll(sockets);
    await waitFor(async () => {
      const answer = await openSocket(tenant.subscribeUrl());
      return answer.status === undefined && answer.terminate() === undefined;
    });
  });

  test("of one user may be 100, also after a hibernation, and another user has as many", async () => {
    const tenant = new Tenant(worker);
    const { sockets, refusal } = await crowd(tenant, 100, JANE);
    assert.deepEqual([sockets.length, refusal], [100, undefined]);
    await assertNoRoomFor(tenant, JANE);
    await tenant.hub.evict();
    await assertNoRoomFor(tenant, JANE);
    const mary = await tenant.subscribe(MARY);

    const [renewed, left] = sockets;
    renewed.send(JSON.stringify({ type: "authenticate", access_token: tenant.token(JANE) }));
    left.close();
    await waitFor(async () => (await tenant.listeners()).count === 100);
    const jane = await tenant.subscribe(JANE);
    const record = slo({ user_id: "auth0|jane" });
    await tenant.publish(record);
    assert.deepEqual(await jane.next(), eventOf(record));
    assert.deepEqual(await mary.drain(), []);
  });

  test("of one backend may be 1,000", async () => {
    const tenant = new Tenant(worker);
    const { sockets, refusal } = await crowd(tenant, 1_000, BACKEND);
    assert.deepEqual([sockets.length, refusal], [1_000, undefined]);
    await assertNoRoomFor(tenant, BACKEND);
    await tenant.subscribe({ ...BACKEND, sub: "other@clients" });
  });
});

describe("messages", { concurrency: true }, () => {
  test("may be 100 a second of a socket; one that goes on faster is closed", async () => {
    const tenant = new Tenant(worker);
    const [calm, hasty] = [await tenant.subscribe(), await tenant.subscribe()];
    for (let count = 0; count < 90; count += 1) calm.send({ type: "ping", count });
    assert.deepEqual(await calm.take(90), Array(90).fill({ type: "pong" }));
    // So many that some second sees more than 100 of them, wherever it begins.
    for (let count = 0; count < 2_000; count += 1) hasty.send({ type: "ping", count });
    const { reason } = await hasty.closedWith(1013);
    assert.equal(reason, "too_many_messages");
    assert.ok(hasty.remaining().length < 2_000);
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await calm.next(), eventOf(record));
  });

  test("that the runtime answers by itself are not among them", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe();
    for (let count = 0; count < 200; count += 1) listener.send('{"type":"ping"}');
    assert.deepEqual(await listener.take(200), Array(200).fill({ type: "pong" }));
    assert.deepEqual(await listener.drain(), []);
  });
});

describe("a published body", { concurrency: true }, () => {
  const bodyOf = (count) => `[${Array(count).fill("{}").join(",")}]`;

  test("may hold 50,000 records", async () => {
    const { received, malformed } = await new Tenant(worker).publishBody(bodyOf(50_000));
    assert.deepEqual([received, malformed], [50_000, 50_000]);
  });

  test("of more records is refused whole, and nothing of it is kept", async () => {
    const tenant = new Tenant(worker);
    const body = `[${JSON.stringify(slo())},${bodyOf(50_000).slice(1)}`;
    await assertError(await tenant.post(body), 413, "payload_too_large");
    assert.deepEqual(await tenant.events(), []);
  });
});
