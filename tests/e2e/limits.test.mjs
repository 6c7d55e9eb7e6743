// Limits per tenant, per subject and per socket. Reaching a limit refuses new sockets and never
// closes existing ones to make room.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { WITHOUT_DEADLINE } from "../support/instrumented_runtime.mjs";
import { terminateAll, openManySockets, openSocket } from "../support/sockets.mjs";
import { assertError, assertErrorMembers } from "../support/http.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

// rate_limits.test.mjs tests the limits per address and per subject that Cloudflare counts.
const configure = (wranglerToml) =>
  wranglerToml.replaceAll(/limit = (3000|200)/g, "limit = 1000000");
const worker = await startWorker({ configure });
// A worker without the authentication deadline, because opening so many sockets takes time.
const withoutDeadline = await startWorker({ configure, runtime: WITHOUT_DEADLINE });

const opened = [];
after(() => terminateAll(opened.flat()));

const JANE = { sub: "auth0|jane", scope: "listen:events:self" };
const MARY = { sub: "auth0|mary", scope: "listen:events:self" };
const BACKEND = { sub: "backend@clients", scope: "listen:events" };
let ids = 0;
/** Returns a `jti` that makes a token different from all others. */
const nextId = () => String((ids += 1));
const bearer = (token) => ({ authorization: `Bearer ${token}` });

/** Opens sockets. `headers(number)` returns the headers of each. */
async function openSockets(tenant, count, headers) {
  const { sockets, refusal } = await openManySockets(tenant.subscribeUrl(), count, headers);
  opened.push(sockets);
  return { sockets, refusal };
}

/** Returns the headers of sockets with a token with these claims. */
function withToken(tenant, claims) {
  const headers = bearer(tenant.token(claims));
  return () => headers;
}

/** Returns the headers of a socket without a token, of which 50 have the same address. */
const fromManyAddresses = (number) => from(`198.51.100.${Math.floor(number / 50)}`);
const from = (address) => ({ "cf-connecting-ip": address });

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
    const { sockets, refusal } = await openSockets(tenant, 10_000, fromManyAddresses);
    assert.ok(refusal, `all ${sockets.length} sockets were accepted`);
    await assertRefused(refusal, 10);
    assert.equal(sockets.length, 1_000);

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
    const { sockets, refusal } = await openSockets(tenant, 100, withToken(tenant, JANE));
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
    const { sockets, refusal } = await openSockets(tenant, 1_000, withToken(tenant, BACKEND));
    assert.deepEqual([sockets.length, refusal], [1_000, undefined]);
    await assertSubjectRefused(tenant, BACKEND);
    await tenant.subscribe({ ...BACKEND, sub: "other@clients" });
  });
});

describe("the limit on unauthenticated sockets of an address", { concurrency: true }, () => {
  const ADDRESS_LIMIT = 50;

  test("is 50, and further sockets are accepted from another address or with a token", async () => {
    const tenant = new Tenant(withoutDeadline);
    const headers = from("192.0.2.1");
    const { sockets, refusal } = await openSockets(tenant, 10_000, () => headers);
    await assertRefused(refusal, 10);
    assert.equal(sockets.length, ADDRESS_LIMIT);
    await tenant.connect({ headers: from("192.0.2.2") });
    await tenant.connect({ headers: { ...headers, ...bearer(tenant.token()) } });

    await tenant.object.evict();
    await assertRefused(await openSocket(tenant.subscribeUrl(), headers), 10);
    const message = { type: "authenticate", access_token: tenant.token() };
    sockets[0].send(JSON.stringify(message));
    await waitFor(async () => (await tenant.listeners()).connections.some(({ sub }) => sub));
    await tenant.connect({ headers });
  });

  test("counts a whole /64 network of IPv6", async () => {
    const tenant = new Tenant(withoutDeadline);
    const headers = (number) => from(`2001:db8:0:1::${number.toString(16)}`);
    const { sockets, refusal } = await openSockets(tenant, 10_000, headers);
    await assertRefused(refusal, 10);
    assert.equal(sockets.length, ADDRESS_LIMIT);
    await tenant.connect({ headers: from("2001:db8:0:2::1") });
  });
});

describe("the limit on new sockets of a subject", { concurrency: true }, () => {
  const NEW_SOCKETS = 200;
  /** Some more, because a new minute may begin before the limit is reached. */
  const ATTEMPTS = 2 * NEW_SOCKETS + 1;

  /** Opens and closes sockets until one is refused. Returns their number and the refusal. */
  async function openUntilRefused(open) {
    for (let count = 0; count < ATTEMPTS; count += 1) {
      const refusal = await open();
      if (refusal) return { count, refusal };
    }
    assert.fail(`${ATTEMPTS} sockets were accepted`);
  }

  test("with filter self is 200 a minute on the upgrade, and then 429", async () => {
    const tenant = new Tenant(worker);
    const headers = bearer(tenant.token(JANE));
    const { count, refusal } = await openUntilRefused(async () => {
      const socket = await openSocket(tenant.subscribeUrl(), headers);
      if (socket.status !== undefined) return socket;
      socket.close();
      await once(socket, "close");
    });
    assert.ok(count >= NEW_SOCKETS, `${count} sockets were accepted`);
    await assertError(refusal, 429, "too_many_requests");
    assert.equal(refusal.headers.get("retry-after"), "60");

    const byMessage = await tenant.connect();
    const { type, error } = await byMessage.authenticate(tenant.token(JANE));
    assert.deepEqual([type, error], ["authentication_failed", "too_many_requests"]);
    await byMessage.closedWith(1013);
    await tenant.subscribe(MARY);
  });

  for (const [name, claims, expected] of [
    ["with filter self", JANE, "authenticated"],
    ["without a permission", { ...JANE, scope: "openid" }, "insufficient_scope"],
  ])
    test(`${name} is 200 a minute with tokens in messages`, async () => {
      const tenant = new Tenant(worker);
      const token = tenant.token(claims);
      const { count, refusal } = await openUntilRefused(async () => {
        const subscriber = await tenant.connect();
        const { type, error } = await subscriber.authenticate(token);
        if (error === "too_many_requests") return subscriber;
        assert.equal(error ?? type, expected);
        await subscriber.close();
      });
      assert.ok(count >= NEW_SOCKETS, `${count} sockets were accepted`);
      await refusal.closedWith(1013);
    });

  test("does not exist with filter *", async () => {
    const tenant = new Tenant(worker);
    const headers = withToken(tenant, BACKEND);
    const { sockets } = await openSockets(tenant, NEW_SOCKETS + 50, headers);
    assert.equal(sockets.length, NEW_SOCKETS + 50);
    await tenant.subscribe(BACKEND);
  });
});

describe("the message limit", { concurrency: true }, () => {
  const PER_SECOND = 10;
  const PER_SECOND_AND_SUBJECT = 100;

  /** Sends pings that the object answers. */
  function ping(subscriber, times) {
    for (let count = 0; count < times; count += 1) subscriber.send({ type: "ping", count });
  }

  test("of a socket is 10 a second", async () => {
    const tenant = new Tenant(worker);
    const [slow, fast] = [await tenant.subscribe(), await tenant.subscribe()];
    ping(slow, PER_SECOND);
    assert.deepEqual(await slow.take(PER_SECOND), Array(PER_SECOND).fill({ type: "pong" }));
    ping(fast, 50 * PER_SECOND);
    const { reason } = await fast.closedWith(1013);
    assert.equal(reason, "too_many_messages");
    assert.ok(fast.remaining().length >= PER_SECOND);
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await slow.next(), eventOf(record));
  });

  test("of a subject is 100 a second over all its sockets", async () => {
    const tenant = new Tenant(worker);
    const mary = await tenant.subscribe(MARY);
    const sockets = [];
    for (let number = 0; number < 90; number += 1) sockets.push(await tenant.subscribe(JANE));
    for (const socket of sockets) ping(socket, PER_SECOND - 1);
    const reasons = await Promise.any(sockets.map((socket) => socket.closedWith(1013)));
    assert.equal(reasons.reason, "too_many_messages");
    assert.deepEqual(await mary.drain(), []);
    const sent = 90 * (PER_SECOND - 1);
    const answered = () => sockets.flatMap((socket) => socket.remaining()).length;
    assert.ok(answered() < sent - PER_SECOND_AND_SUBJECT);
  });

  test("before authentication is 10 in all, also across hibernation", async () => {
    const tenant = new Tenant(withoutDeadline);
    const subscriber = await tenant.connect();
    for (let count = 1; count <= PER_SECOND; count += 1) {
      if (count % 4 === 0) await tenant.object.evict();
      ping(subscriber, 1);
      assert.deepEqual(await subscriber.next(), { type: "pong" });
    }
    ping(subscriber, 1);
    assert.equal((await subscriber.closedWith(1013)).reason, "too_many_messages");
  });

  test("does not count pings that the runtime answers by itself", async () => {
    const tenant = new Tenant(worker);
    for (const subscriber of [await tenant.subscribe(), await tenant.connect()]) {
      for (let count = 0; count < 200; count += 1) subscriber.send('{"type":"ping"}');
      assert.deepEqual(await subscriber.take(200), Array(200).fill({ type: "pong" }));
      assert.deepEqual(await subscriber.drain(), []);
    }
  });
});

describe("the limit on renewals", { concurrency: true }, () => {
  const BURST = 3;

  /** Returns the error code of a renewal, or the type of the response. */
  async function renew(subscriber, token) {
    const { type, error } = await subscriber.authenticate(token);
    return error ?? type;
  }

  test("of a socket is three at once, also across hibernation, and the fifth rejected one closes it", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe(JANE);
    const renewWithNewToken = () => renew(subscriber, tenant.token({ ...JANE, jti: nextId() }));
    for (let count = 0; count < BURST; count += 1)
      assert.equal(await renewWithNewToken(), "authenticated");
    for (let count = 1; count <= 4; count += 1) {
      if (count === 3) await tenant.object.evict();
      assert.equal(await renewWithNewToken(), "too_many_requests");
    }
    const record = slo({ user_id: JANE.sub });
    await tenant.publish(record);
    assert.deepEqual(await subscriber.next(), eventOf(record), "the socket is still open");
    subscriber.send({ type: "authenticate", access_token: tenant.token({ jti: nextId() }) });
    const { type, ...body } = await subscriber.next();
    assert.equal(type, "error");
    assertErrorMembers(body, "too_many_requests");
    assert.equal((await subscriber.closedWith(1013)).reason, "too_many_messages");
  });

  test("of a socket rejects a token without verifying it", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe(JANE);
    for (let count = 0; count < BURST; count += 1)
      await renew(subscriber, tenant.token({ ...JANE, jti: nextId() }));
    assert.equal(await renew(subscriber, "no.such.token"), "too_many_requests");
    assert.ok(subscriber.isOpen);
  });

  test("does not apply to the token that the socket holds", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.connect();
    const token = tenant.token(JANE);
    const { recovered, ...first } = await subscriber.authenticate(token, "none");
    assert.equal(recovered, false);
    await tenant.object.evict();
    for (let count = 0; count < 2 * BURST; count += 1)
      assert.deepEqual(await subscriber.authenticate(token), first);
    const other = tenant.token({ ...JANE, jti: nextId() });
    assert.equal(await renew(subscriber, other), "authenticated");
  });

  test("does not apply to a token that was sent with the upgrade", async () => {
    const tenant = new Tenant(worker);
    const token = tenant.token(JANE);
    const subscriber = await tenant.connect({ headers: bearer(token) });
    const first = await subscriber.next();
    for (let count = 0; count < 2 * BURST; count += 1)
      assert.deepEqual(await subscriber.authenticate(token), first);
  });

  test("of a subject is 60 a minute and one for each of its sockets", async () => {
    const tenant = new Tenant(worker);
    const SOCKETS = 40;
    const subscribers = [];
    for (let number = 0; number < SOCKETS; number += 1)
      subscribers.push(await tenant.subscribe(JANE));
    const outcomes = [];
    for (let round = 0; round < BURST; round += 1) {
      for (const subscriber of subscribers)
        outcomes.push(await renew(subscriber, tenant.token({ ...JANE, jti: nextId() })));
      // The limit on messages of a subject begins again.
      await delay(1_000);
    }
    const accepted = outcomes.filter((outcome) => outcome === "authenticated").length;
    assert.equal(accepted, 60 + SOCKETS);
    const rejected = outcomes.filter((outcome) => outcome === "too_many_requests").length;
    assert.equal(rejected, outcomes.length - accepted);
    const mary = await tenant.subscribe(MARY);
    assert.equal(await renew(mary, tenant.token({ ...MARY, jti: nextId() })), "authenticated");
  });

  test("does not apply to the first tokens of a backend's instances", async () => {
    const tenant = new Tenant(worker);
    const token = tenant.token(BACKEND);
    const instances = await Promise.all(
      Array.from({ length: 150 }, (_, number) =>
        tenant.connect({ headers: from(`203.0.113.${number}`) }),
      ),
    );
    const responses = await Promise.all(instances.map((instance) => instance.authenticate(token)));
    assert.ok(responses.every(({ type }) => type === "authenticated"));
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
