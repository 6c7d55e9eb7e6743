// A listener's socket from its greeting to its end: what it may say, and what it is told.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";

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
  test("is greeted at once", async () => {
    const listener = await Subscriber.connect(new Tenant(worker).subscribeUrl());
    assert.deepEqual(JSON.parse(await listener.nextText()), { type: "connected" });
    assert.deepEqual(await listener.drain(), []);
  });

  test("gets no event before it has authenticated", async () => {
    const tenant = new Tenant(worker);
    const waiting = await tenant.connect();
    const listening = await tenant.subscribe();
    await tenant.publish(slo());
    await listening.next();
    assert.deepEqual(await waiting.drain(), []);
  });
});

describe("authentication", { concurrency: true }, () => {
  test("is answered with the subject, the filter, all claims, and when they expire", async () => {
    const tenant = new Tenant(worker);
    const claims = tenant.issuer.claims({
      sub: "auth0|jane",
      exp: now() + 1234,
      permissions: ["listen:events"],
      "https://example.com/roles": ["admin", { nested: null }],
    });
    const answer = await (await tenant.connect()).authenticate(tenant.token(claims));
    const { expires_at, ...rest } = answer;
    assert.deepEqual(rest, { type: "authenticated", sub: "auth0|jane", filter: "*", claims });
    assert.match(expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.equal(Date.parse(expires_at), claims.exp * 1000);
  });

  test("with a bad token is told so, and closes with 4401", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.connect();
    const { type, ...fault } = await listener.authenticate("no.such.token");
    assert.equal(type, "authentication_failed");
    assert.deepEqual(Object.keys(fault).sort(), ["error", "error_description"]);
    assertErrorMembers(fault, "invalid_token");
    await listener.closedWith(4401);
  });

  test("without a right to listen is told so, and closes with 4403", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.connect();
    const { type, ...fault } = await listener.authenticate(tenant.token({ scope: "read:users" }));
    assert.equal(type, "authentication_failed");
    assertErrorMembers(fault, "insufficient_scope");
    await listener.closedWith(4403);
  });

  test("that fails leaves the other sockets alone", async () => {
    const tenant = new Tenant(worker);
    const good = await tenant.subscribe();
    const bad = await tenant.connect();
    await bad.authenticate("x");
    await bad.closed();
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await good.next(), eventOf(record));
  });

  test("that the client does not wait for does no harm", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(300);
    const gone = await tenant.connect();
    const waits = await tenant.connect();
    gone.send({ type: "authenticate", access_token: tenant.token() });
    await waitFor(() => tenant.issuer.fetches === 1);
    gone.socket.terminate();
    assert.equal((await waits.authenticate(tenant.token())).type, "authenticated");
    assert.equal((await tenant.listeners()).count, 1);
  });

  test("again replaces the claims, without a replay", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(slo());
    const listener = await tenant.subscribe({ sub: "auth0|one", scope: "listen:events:self" });
    const answer = await listener.authenticate(
      tenant.token({ sub: "auth0|two", scope: "listen:events:self" }),
    );
    assert.equal(answer.type, "authenticated");
    assert.equal(answer.sub, "auth0|two");

    const records = [slo({ user_id: "auth0|one" }), slo({ user_id: "auth0|two" })];
    await tenant.publish(...records);
    assert.deepEqual(await listener.next(), eventOf(records[1]));

    const wider = await listener.authenticate(tenant.token({ sub: "auth0|two" }));
    assert.equal(wider.filter, "*");
    assert.deepEqual(await listener.drain(), [], "not even for a listener of everything");
    const { connections } = await tenant.listeners();
    assert.deepEqual(
      connections.map(({ sub, filter }) => [sub, filter]),
      [["auth0|two", "*"]],
    );
  });
});

describe("a message that cannot be understood", { concurrency: true }, () => {
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

  test("is answered with an error each time, and the socket stays", async () => {
    const tenant = new Tenant(worker);
    for (const message of MESSAGES) {
      const listener = await tenant.connect();
      listener.send(message);
      const { type, ...fault } = await listener.next();
      assert.equal(type, "error", String(message));
      assert.deepEqual(Object.keys(fault).sort(), ["error", "error_description"]);
      assertErrorMembers(fault, "invalid_message");
      assert.equal((await listener.authenticate(tenant.token())).type, "authenticated");
      await listener.close();
    }
  });

  test("is forgiven nine times; the tenth closes with 4400, whatever came between", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe({ sub: "auth0|clumsy", scope: "listen:events:self" });
    for (let count = 1; count <= 9; count += 1) {
      listener.send(MESSAGES[count]);
      assert.equal((await listener.next()).type, "error");
      if (count % 3 === 0)
        assert.equal((await listener.authenticate(tenant.token())).type, "authenticated");
    }
    const record = slo();
    await tenant.publish(record);
    assert.deepEqual(await listener.next(), eventOf(record), "nine do no harm");

    listener.send("the tenth");
    assert.equal((await listener.next()).type, "error");
    await listener.closedWith(4400);
  });

  test("closes with 4400 also before authentication, and in one burst", async () => {
    const listener = await new Tenant(worker).connect();
    for (let count = 0; count < 15; count += 1) listener.send("nonsense");
    await listener.closedWith(4400);
    const types = listener.remaining().map(({ type }) => type);
    assert.deepEqual(types, Array(10).fill("error"), "one for each of the ten, none for the rest");
  });
});

describe("a message of over 16 KiB", { concurrency: true }, () => {
  const ping = (bytes) => {
    const frame = JSON.stringify({ type: "ping", pad: "" });
    return JSON.stringify({ type: "ping", pad: "x".repeat(bytes - frame.length) });
  };

  test("closes with 1009; exactly 16 KiB do not", async () => {
    const listener = await new Tenant(worker).connect();
    listener.send(ping(16_384));
    assert.deepEqual(await listener.next(), { type: "pong" });
    listener.send(ping(16_385));
    await listener.closedWith(1009);
  });

  test("has its size counted in bytes of UTF-8", async () => {
    const listener = await new Tenant(worker).connect();
    listener.send(JSON.stringify({ type: "ping", pad: "€".repeat(5_400) }));
    assert.deepEqual(await listener.next(), { type: "pong" });
    listener.send(JSON.stringify({ type: "ping", pad: "€".repeat(5_500) }));
    await listener.closedWith(1009);
  });

  test("closes with 1009 whatever it holds, binary too, also when authenticated", async () => {
    const tenant = new Tenant(worker);
    for (const message of [
      "x".repeat(16_385),
      "x".repeat(900_000),
      Buffer.alloc(16_385),
      `{"type":"authenticate","access_token":"${"x".repeat(17_000)}"}`,
    ]) {
      const listener = await tenant.subscribe();
      listener.send(message);
      await listener.closedWith(1009);
    }
  });
});

describe("a ping", { concurrency: true }, () => {
  test("is answered, before and after authentication, as often as it comes", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.connect();
    for (let count = 0; count < 20; count += 1) listener.send('{"type":"ping"}');
    for (let count = 0; count < 20; count += 1)
      assert.equal(await listener.nextText(), '{"type":"pong"}');
    await listener.authenticate(tenant.token());
    listener.send('{"type":"ping"}');
    assert.equal(await listener.nextText(), '{"type":"pong"}');
  });

  test("is answered by the runtime alone: the object sleeps on", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe();
    await tenant.hub.evict();
    listener.send('{"type":"ping"}');
    assert.deepEqual(await listener.next(), { type: "pong" });
    assert.equal(await tenant.hub.evictIfRunning(), false);
  });

  test("in another spelling is answered too", async () => {
    const listener = await new Tenant(worker).connect();
    for (const ping of [
      '{ "type": "ping" }',
      '{"type":"ping","at":7}',
      '{"at":7,"type":"ping"}\n',
    ]) {
      listener.send(ping);
      assert.deepEqual(await listener.next(), { type: "pong" });
    }
  });

  test("of the WebSocket protocol is answered", async () => {
    const listener = await new Tenant(worker).connect();
    const pong = once(listener.socket, "pong");
    listener.socket.ping("are you there?");
    assert.equal(String((await pong)[0]), "are you there?");
  });
});

describe("closing by the client", { concurrency: true }, () => {
  for (const [sent, got] of [
    [1000, 1000],
    [1001, 1001],
    [4999, 4999],
    [undefined, 1005],
  ]) {
    test(`with ${sent ?? "no code"} is confirmed at once`, async () => {
      const tenant = new Tenant(worker);
      for (const listener of [await tenant.connect(), await tenant.subscribe()]) {
        const { code } = await listener.close(sent, sent && "bye");
        assert.equal(code, got);
      }
    });
  }
});
