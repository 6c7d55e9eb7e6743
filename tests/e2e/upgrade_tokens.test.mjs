// A token on the upgrade itself: as a header (backends) or as a subprotocol (browsers). The Worker
// checks it before there is a socket, so a bad one is a plain HTTP answer.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError, sendRawRequest, upgradeHeaders } from "../support/http.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { eventOf, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const SELF = { sub: "auth0|jane", scope: "listen:events:self" };

const WAYS = {
  "the Authorization header": (token) => ({ headers: { authorization: `Bearer ${token}` } }),
  "a subprotocol": (token) => ({ protocols: ["session-events", `bearer.${token}`] }),
};

/** The headers of an upgrade that presents a token in one of the ways. */
const headersOf = ({ headers = {}, protocols = [] }) => ({
  ...upgradeHeaders,
  ...headers,
  ...(protocols.length > 0 && { "sec-websocket-protocol": protocols.join(", ") }),
});

/** Asks for an upgrade and gives the plain answer. */
const ask = (tenant, headers, query = "") =>
  sendRawRequest(worker.url, { path: `/${tenant.slug}/api/subscribe${query}`, headers });

for (const [way, present] of Object.entries(WAYS)) {
  describe(`a token in ${way}`, { concurrency: true }, () => {
    test("has connected followed by authenticated at once", async () => {
      const tenant = new Tenant(worker);
      const claims = tenant.issuer.claims({ sub: "backend@clients", exp: now() + 100 });
      const listener = await Subscriber.connect(
        tenant.subscribeUrl(),
        present(tenant.token(claims)),
      );
      assert.deepEqual(await listener.next(), { type: "connected" });
      const { expires_at, ...answer } = await listener.next();
      assert.deepEqual(answer, {
        type: "authenticated",
        sub: "backend@clients",
        filter: "*",
        claims,
      });
      assert.equal(Date.parse(expires_at), claims.exp * 1000);
      const { connections } = await tenant.listeners();
      assert.deepEqual(
        connections.map(({ sub, filter }) => [sub, filter]),
        [["backend@clients", "*"]],
      );
    });

    test("keeps every letter of its claims", async () => {
      const tenant = new Tenant(worker);
      const claims = tenant.issuer.claims({
        sub: 'oauth2|Łódź|\u{1F36A}|%7C|"',
        "https://example.com/name": "Zoë, \u2028\\",
      });
      const listener = await tenant.connect(present(tenant.token(claims)));
      assert.deepEqual((await listener.next()).claims, claims);
    });

    test("gives the right to its own events or to all, like any other", async () => {
      const tenant = new Tenant(worker);
      const own = await tenant.connect(present(tenant.token(SELF)));
      assert.equal((await own.next()).filter, "self");
      const all = await tenant.connect(
        present(tenant.token({ scope: undefined, permissions: ["listen:events"] })),
      );
      assert.equal((await all.next()).filter, "*");
      const records = [slo({ user_id: "auth0|john" }), slo({ user_id: "auth0|jane" })];
      await tenant.publish(...records);
      assert.deepEqual(await own.next(), eventOf(records[1]));
      assert.deepEqual(await all.take(2), records.map(eventOf));
    });

    test("has the kept events replayed to a listener of everything", async () => {
      const tenant = new Tenant(worker);
      const records = [slo(), slo()];
      await tenant.publish(...records);
      const listener = await tenant.connect(present(tenant.token()));
      assert.equal("recovered" in (await listener.next()), false);
      assert.deepEqual(await listener.drain(), records.map(eventOf));
    });

    test("goes with the last_event_id of the query", async () => {
      const tenant = new Tenant(worker);
      const records = [slo({ user_id: "auth0|jane" }), slo(), slo({ user_id: "auth0|jane" })];
      await tenant.publish(...records);
      for (const [id, claims, recovered, replay] of [
        [records[0].log_id, {}, true, records.slice(1)],
        [records[0].log_id, SELF, true, records.slice(2)],
        ["never heard of", {}, false, records],
        ["never heard of", SELF, false, [records[0], records[2]]],
      ]) {
        const query = `?last_event_id=${encodeURIComponent(id)}`;
        const listener = await tenant.connect({ query, ...present(tenant.token(claims)) });
        assert.equal((await listener.next()).recovered, recovered);
        assert.deepEqual(await listener.drain(), replay.map(eventOf));
      }
    });

    test("may be renewed on the socket", async () => {
      const tenant = new Tenant(worker);
      const listener = await tenant.connect(present(tenant.token()));
      await listener.next();
      const answer = await listener.authenticate(tenant.token({ sub: "auth0|next" }));
      assert.equal(answer.type, "authenticated");
      assert.equal(answer.sub, "auth0|next");
    });

    test("is a 401 when it is bad, and no socket comes of it", async () => {
      const tenant = new Tenant(worker);
      for (const token of [
        "no.such.token",
        "x",
        tenant.token({ exp: now() - 1 }),
        tenant.token({ aud: "other" }),
      ]) {
        const response = await ask(tenant, headersOf(present(token)));
        const { error_description } = await assertError(response, 401, "invalid_token");
        assert.equal(
          response.headers.get("www-authenticate"),
          `Bearer realm="session-events", error="invalid_token", error_description="${error_description}"`,
        );
      }
      assert.equal((await tenant.listeners()).count, 0);
    });

    test("is a 403 when it grants neither right", async () => {
      const tenant = new Tenant(worker);
      const response = await ask(tenant, headersOf(present(tenant.token({ scope: "read:users" }))));
      const { error_description } = await assertError(response, 403, "insufficient_scope");
      assert.equal(
        response.headers.get("www-authenticate"),
        `Bearer realm="session-events", error="insufficient_scope", error_description="${error_description}", scope="listen:events:self listen:events"`,
      );
      assert.equal((await tenant.listeners()).count, 0);
    });

    test("is a 503 when the issuer cannot be reached", async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = keySetResponses.unreachable;
      const response = await ask(tenant, headersOf(present(tenant.token())));
      await assertError(response, 503, "temporarily_unavailable");
      assert.match(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    });

    test("that is bad on its face reaches neither object nor issuer", async () => {
      const tenant = new Tenant(worker);
      for (const token of [
        "x",
        "a.b.c",
        tenant.token({}, { alg: "none" }, { signedAs: "RS256" }),
        tenant.token({ iss: "https://evil.example/" }),
      ]) {
        await assertError(await ask(tenant, headersOf(present(token))), 401, "invalid_token");
      }
      assert.equal(tenant.issuer.fetches, 0);
      assert.equal(await tenant.hub.evictIfRunning(), false);
    });
  });
}

describe("the subprotocol", { concurrency: true }, () => {
  const echoed = async (tenant, options) => (await tenant.connect(options)).protocol;

  test("session-events is the only one that is echoed", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await echoed(tenant, WAYS["a subprotocol"](tenant.token())), "session-events");
    const headers = headersOf(WAYS["a subprotocol"](tenant.token()));
    const answer = await ask(tenant, headers);
    assert.equal(answer.status, 101);
    assert.equal(answer.headers.get("sec-websocket-protocol"), "session-events");
  });

  test("session-events is echoed without a token too, or beside one in the header", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await echoed(tenant, { protocols: ["session-events"] }), "session-events");
    const headers = { authorization: `Bearer ${tenant.token()}` };
    assert.equal(
      await echoed(tenant, { protocols: ["session-events"], headers }),
      "session-events",
    );
  });

  test("is not echoed when none was offered, nor an unknown one", async () => {
    const tenant = new Tenant(worker);
    for (const headers of [
      upgradeHeaders,
      { ...upgradeHeaders, "sec-websocket-protocol": "chat" },
      headersOf(WAYS["the Authorization header"](tenant.token())),
    ]) {
      const answer = await ask(tenant, headers);
      assert.equal(answer.status, 101);
      assert.equal(answer.headers.get("sec-websocket-protocol"), null);
    }
  });

  test("with a token and a header with another are one too many", async () => {
    const tenant = new Tenant(worker);
    const headers = headersOf({
      ...WAYS["a subprotocol"](tenant.token()),
      ...WAYS["the Authorization header"](tenant.token()),
    });
    await assertError(await ask(tenant, headers), 400, "invalid_request");
  });
});

describe("subscribing", { concurrency: true }, () => {
  test("without an upgrade is a 426, before any token is looked at", async () => {
    const tenant = new Tenant(worker);
    for (const headers of [
      {},
      { authorization: "Bearer bad" },
      { authorization: `Bearer ${tenant.token()}` },
      { connection: "Upgrade", upgrade: "h2c" },
    ]) {
      const response = await sendRawRequest(worker.url, {
        path: `/${tenant.slug}/api/subscribe`,
        headers,
      });
      await assertError(response, 426, "upgrade_required");
    }
    assert.equal(tenant.issuer.fetches, 0);
  });

  test("without a token leaves last_event_id in the query unread", async () => {
    const tenant = new Tenant(worker);
    const records = [slo(), slo()];
    await tenant.publish(...records);
    const listener = await tenant.connect({ query: `?last_event_id=${records[0].log_id}` });
    assert.equal("recovered" in (await listener.authenticate(tenant.token())), false);
    assert.deepEqual(await listener.drain(), records.map(eventOf));
  });

  test("does not take a token from the query", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.connect({ query: `?access_token=${tenant.token()}` });
    assert.deepEqual(await listener.drain(), []);
    assert.equal("sub" in (await tenant.listeners()).connections[0], false);
  });
});
