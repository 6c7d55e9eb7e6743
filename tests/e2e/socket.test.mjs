// The life of a subscriber's WebSocket: the messages that each side sends, and how it is closed.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { assertErrorMembers } from "../support/http.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

describe("a new socket", { concurrency: true }, () => {
  test("receives connected at once", async () => {
    const subscriber = await Subscriber.connect(new Tenant(worker).subscribeUrl());
    assert.deepEqual(JSON.parse(await subscriber.nextText()), { type: "connected" });
    assert.deepEqual(await subscriber.drain(), []);
  });

  test("receives no event before it has authenticated", async () => {
    const tenant = new Tenant(worker);
    const unauthenticated = await tenant.connect();
    const authenticated = await tenant.subscribe();
    await tenant.publish(slo());
    await authenticated.next();
    assert.deepEqual(await unauthenticated.drain(), []);
  });
});

describe("authentication", { concurrency: true }, () => {
  test("returns the subject, the filter, all claims and the expiry", async () => {
    const tenant = new Tenant(worker);
    const claims = tenant.issuer.claims({
      sub: "auth0|jane",
      exp: now() + 1234,
      permissions: ["listen:events"],
      "https://example.com/roles": ["admin", { nested: null }],
    });
    const response = await (await tenant.connect()).authenticate(tenant.token(claims));
    const { expires_at, ...rest } = response;
    assert.deepEqual(rest, { type: "authenticated", sub: "auth0|jane", filter: "*", claims });
    assert.match(expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.equal(Date.parse(expires_at), claims.exp * 1000);
  });

  test("with an invalid token fails and closes with 4401", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.connect();
    const { type, ...body } = await subscriber.authenticate("no.such.token");
    assert.equal(type, "authentication_failed");
    assert.deepEqual(Object.keys(body).sort(), ["error", "error_description"]);
    assertErrorMembers(body, "invalid_token");
    await subscriber.closedWith(4401);
  });

  test("without permission to listen fails and closes with 4403", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.connect();
    const { type, ...body } = await subscriber.authenticate(tenant.token({ scope: "read:users" }));
    assert.equal(type, "authentication_failed");
    assertErrorMembers(body, "insufficient_scope");
    await subscriber.closedWith(4403);
  });

  test("that fails does not affect other sockets", async () => {
    const tenant = new Tenant(worker);
    const good = await tenant.subscribe();
    const bad = await tenant.connect();
    await bad.authenticate("x");
    await bad.closed();
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await good.next(), eventOf(record));
  });

  test("of a client that disconnects meanwhile does not affect other sockets", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(300);
    const disconnecting = await tenant.connect();
    const waiting = await tenant.connect();
    disconnecting.send({ type: "authenticate", access_token: tenant.token() });
    await waitFor(() => tenant.issuer.fetches === 1);
    disconnecting.socket.terminate();
    assert.equal((await waiting.authenticate(tenant.token())).type, "authenticated");
    assert.equal((await tenant.listeners()).count, 1);
  });

  test("on an authenticated socket replaces the claims, without a replay", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(slo());
    const subscriber = await tenant.subscribe({ sub: "auth0|one", scope: "listen:events:self" });
    const response = await subscriber.authenticate(
      tenant.token({ sub: "auth0|two", scope: "listen:events:self" }),
    );
    assert.equal(response.type, "authenticated");
    assert.equal(response.sub, "auth0|two");

    const records = [slo({ user_id: "auth0|one" }), slo({ user_id: "auth0|two" })];
    await tenant.publish(...records);
    assert.deepEqual(await subscriber.next(), eventOf(records[1]));

    const wider = await subscriber.authenticate(tenant.token({ sub: "auth0|two" }));
    assert.equal(wider.filter, "*");
    assert.deepEqual(
      await subscriber.drain(),
      [],
      "no replay for a subscriber to all events either",
    );
    const { connections } = await tenant.listeners();
    assert.deepEqual(
      connections.map(({ sub, filter }) => [sub, filter]),
      [["auth0|two", "*"]],
    );
  });
});

describe("an invalid message", { concurrency: true }, () => {
  const MESSAGES = [
    "",
    "hello",
    "{",
    "null",
    "7",
    '"ping"',
    "[]",
    '[{"type":"ping"}]',
    "{}",
    '{"type":null}',
    '{"type":"subscribe"}',
    '{"type":"Authenticate","access_token":"x"}',
    '{"type":"authenticate"}',
    '{"type":"authenticate","access_token":7}',
    '{"type":"authenticate","access_token":null}',
    '{"type":"authenticate","access_token":"x","last_event_id":7}',
    '{"type":"pong"}',
    Buffer.from('{"type":"ping"}'),
    Buffer.from([0xff, 0x00]),
    "[".repeat(16_000),
  ];

  test("gets an error each time, and the socket stays open", async () => {
    const tenant = new Tenant(worker);
    for (const message of MESSAGES) {
      const subscriber = await tenant.connect();
      subscriber.send(message);
      const { type, ...body } = await subscriber.next();
      assert.equal(type, "error", String(message));
      assert.deepEqual(Object.keys(body).sort(), ["error", "error_description"]);
      assertErrorMembers(body, "invalid_message");
      assert.equal((await subscriber.authenticate(tenant.token())).type, "authenticated");
      await subscriber.close();
    }
  });

  test("is tolerated nine times, and the tenth closes with 4400, even with valid messages in between", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe({ sub: "auth0|clumsy", scope: "listen:events:self" });
    for (let count = 1; count <= 9; count += 1) {
      subscriber.send(MESSAGES[count]);
      assert.equal((await subscriber.next()).type, "error");
      if (count % 3 === 0)
        assert.equal((await subscriber.authenticate(tenant.token())).type, "authenticated");
      // The limit on messages begins again.
      if (count === 6) await delay(1_000);
    }
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(
      await subscriber.next(),
      eventOf(record),
      "nine invalid messages keep the socket open",
    );

    subscriber.send("the tenth");
    assert.equal((await subscriber.next()).type, "error");
    await subscriber.closedWith(4400);
  });

  test("closes with 4400 also before authentication and in one burst", async () => {
    const subscriber = await new Tenant(worker).connect();
    for (let count = 0; count < 15; count += 1) subscriber.send("nonsense");
    await subscriber.closedWith(4400);
    const types = subscriber.remaining().map(({ type }) => type);
    assert.deepEqual(
      types,
      Array(10).fill("error"),
      "one error for each of the ten, none for the rest",
    );
  });
});

describe("a message of more than 16 KiB", { concurrency: true }, () => {
  const ping = (bytes) => {
    const frame = JSON.stringify({ type: "ping", pad: "" });
    return JSON.stringify({ type: "ping", pad: "x".repeat(bytes - frame.length) });
  };

  test("closes with 1009, but one of exactly 16 KiB does not", async () => {
    const subscriber = await new Tenant(worker).connect();
    subscriber.send(ping(16_384));
    assert.deepEqual(await subscriber.next(), { type: "pong" });
    subscriber.send(ping(16_385));
    await subscriber.closedWith(1009);
  });

  test("is measured in bytes of UTF-8", async () => {
    const subscriber = await new Tenant(worker).connect();
    subscriber.send(JSON.stringify({ type: "ping", pad: "€".repeat(5_400) }));
    assert.deepEqual(await subscriber.next(), { type: "pong" });
    subscriber.send(JSON.stringify({ type: "ping", pad: "€".repeat(5_500) }));
    await subscriber.closedWith(1009);
  });

  test("closes an authenticated socket with 1009, whether text or binary", async () => {
    const tenant = new Tenant(worker);
    for (const message of [
      "x".repeat(16_385),
      "x".repeat(900_000),
      Buffer.alloc(16_385),
      `{"type":"authenticate","access_token":"${"x".repeat(17_000)}"}`,
    ]) {
      const subscriber = await tenant.subscribe();
      subscriber.send(message);
      await subscriber.closedWith(1009);
    }
  });
});

describe("a ping", { concurrency: true }, () => {
  test("gets a pong each time, before and after authentication", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.connect();
    for (let count = 0; count < 20; count += 1) subscriber.send('{"type":"ping"}');
    for (let count = 0; count < 20; count += 1)
      assert.equal(await subscriber.nextText(), '{"type":"pong"}');
    await subscriber.authenticate(tenant.token());
    subscriber.send('{"type":"ping"}');
    assert.equal(await subscriber.nextText(), '{"type":"pong"}');
  });

  test("gets a pong from the runtime without waking the object", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    await tenant.object.evict();
    subscriber.send('{"type":"ping"}');
    assert.deepEqual(await subscriber.next(), { type: "pong" });
    assert.equal(await tenant.object.evictIfRunning(), false);
  });

  test("with other whitespace or members gets a pong", async () => {
    const subscriber = await new Tenant(worker).connect();
    for (const ping of [
      '{ "type": "ping" }',
      '{"type":"ping","at":7}',
      '{"at":7,"type":"ping"}\n',
    ]) {
      subscriber.send(ping);
      assert.deepEqual(await subscriber.next(), { type: "pong" });
    }
  });

  test("of the WebSocket protocol gets a pong", async () => {
    const subscriber = await new Tenant(worker).connect();
    const pong = once(subscriber.socket, "pong");
    subscriber.socket.ping("payload");
    assert.equal(String((await pong)[0]), "payload");
  });
});

describe("a close by the client", { concurrency: true }, () => {
  for (const [sent, received] of [
    [1000, 1000],
    [1001, 1001],
    [4999, 4999],
    [undefined, 1005],
  ]) {
    test(`with ${sent ?? "no code"} is acknowledged at once`, async () => {
      const tenant = new Tenant(worker);
      for (const subscriber of [await tenant.connect(), await tenant.subscribe()]) {
        const { code } = await subscriber.close(sent, sent && "bye");
        assert.equal(code, received);
      }
    });
  }
});
