// A token on the upgrade request, in the Authorization header (backends) or as a subprotocol
// (browsers). The Worker verifies it before it accepts a socket, so an invalid token gets an HTTP
// error response.
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

const METHODS = {
  "the Authorization header": (token) => ({ headers: { authorization: `Bearer ${token}` } }),
  "a subprotocol": (token) => ({ protocols: ["session-events", `bearer.${token}`] }),
};

/** The headers of an upgrade request that presents a token with one of the METHODS. */
const headersOf = ({ headers = {}, protocols = [] }) => ({
  ...upgradeHeaders,
  ...headers,
  ...(protocols.length > 0 && { "sec-websocket-protocol": protocols.join(", ") }),
});

/** Requests an upgrade and returns the HTTP response. */
const requestUpgrade = (tenant, headers, query = "") =>
  sendRawRequest(worker.url, { path: `/${tenant.slug}/api/subscribe${query}`, headers });

for (const [method, present] of Object.entries(METHODS)) {
  describe(`a token in ${method}`, { concurrency: true }, () => {
    test("gets connected, followed by authenticated at once", async () => {
      const tenant = new Tenant(worker);
      const claims = tenant.issuer.claims({ sub: "backend@clients", exp: now() + 100 });
      const subscriber = await Subscriber.connect(
        tenant.subscribeUrl(),
        present(tenant.token(claims)),
      );
      assert.deepEqual(await subscriber.next(), { type: "connected" });
      const { expires_at, ...response } = await subscriber.next();
      assert.deepEqual(response, {
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

    test("gets its claims back unchanged", async () => {
      const tenant = new Tenant(worker);
      const claims = tenant.issuer.claims({
        sub: 'oauth2|Łódź|\u{1F36A}|%7C|"',
        "https://example.com/name": "Zoë, \u2028\\",
      });
      const subscriber = await tenant.connect(present(tenant.token(claims)));
      assert.deepEqual((await subscriber.next()).claims, claims);
    });

    test("grants its own events or all events, as on a socket", async () => {
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

    test("of a subscriber to all events gets the stored events replayed", async () => {
      const tenant = new Tenant(worker);
      const records = [slo(), slo()];
      await tenant.publish(...records);
      const subscriber = await tenant.connect(present(tenant.token()));
      assert.equal("recovered" in (await subscriber.next()), false);
      assert.deepEqual(await subscriber.drain(), records.map(eventOf));
    });

    test("gets the events after the last_event_id of the query replayed", async () => {
      const tenant = new Tenant(worker);
      const records = [slo({ user_id: "auth0|jane" }), slo(), slo({ user_id: "auth0|jane" })];
      await tenant.publish(...records);
      for (const [id, claims, recovered, replay] of [
        [records[0].log_id, {}, true, records.slice(1)],
        [records[0].log_id, SELF, true, records.slice(2)],
        ["unknown", {}, false, records],
        ["unknown", SELF, false, [records[0], records[2]]],
      ]) {
        const query = `?last_event_id=${encodeURIComponent(id)}`;
        const subscriber = await tenant.connect({ query, ...present(tenant.token(claims)) });
        assert.equal((await subscriber.next()).recovered, recovered);
        assert.deepEqual(await subscriber.drain(), replay.map(eventOf));
      }
    });

    test("can be renewed on the socket", async () => {
      const tenant = new Tenant(worker);
      const subscriber = await tenant.connect(present(tenant.token()));
      await subscriber.next();
      const response = await subscriber.authenticate(tenant.token({ sub: "auth0|next" }));
      assert.equal(response.type, "authenticated");
      assert.equal(response.sub, "auth0|next");
    });

    test("gets 401 and no socket if it is invalid", async () => {
      const tenant = new Tenant(worker);
      for (const token of [
        "no.such.token",
        "x",
        tenant.token({ exp: now() - 1 }),
        tenant.token({ aud: "other" }),
      ]) {
        const response = await requestUpgrade(tenant, headersOf(present(token)));
        const { error_description } = await assertError(response, 401, "invalid_token");
        assert.equal(
          response.headers.get("www-authenticate"),
          `Bearer realm="session-events", error="invalid_token", error_description="${error_description}"`,
        );
      }
      assert.equal((await tenant.listeners()).count, 0);
    });

    test("gets 403 and no socket if it has no permission to listen", async () => {
      const tenant = new Tenant(worker);
      const response = await requestUpgrade(
        tenant,
        headersOf(present(tenant.token({ scope: "read:users" }))),
      );
      const { error_description } = await assertError(response, 403, "insufficient_scope");
      assert.equal(
        response.headers.get("www-authenticate"),
        `Bearer realm="session-events", error="insufficient_scope", error_description="${error_description}", scope="listen:events:self listen:events"`,
      );
      assert.equal((await tenant.listeners()).count, 0);
    });

    test("gets 503 if the issuer cannot be reached", async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = keySetResponses.unreachable;
      const response = await requestUpgrade(tenant, headersOf(present(tenant.token())));
      await assertError(response, 503, "temporarily_unavailable");
      assert.match(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    });

    test("that fails the checks before signature verification reaches neither object nor issuer", async () => {
      const tenant = new Tenant(worker);
      for (const token of [
        "x",
        "a.b.c",
        tenant.token({}, { alg: "none" }, { signedAs: "RS256" }),
        tenant.token({ iss: "https://evil.example/" }),
      ]) {
        await assertError(
          await requestUpgrade(tenant, headersOf(present(token))),
          401,
          "invalid_token",
        );
      }
      assert.equal(tenant.issuer.fetches, 0);
      assert.equal(await tenant.object.evictIfRunning(), false);
    });
  });
}

describe("the subprotocol", { concurrency: true }, () => {
  const selectedProtocol = async (tenant, options) => (await tenant.connect(options)).protocol;

  test("session-events is the only subprotocol in the response", async () => {
    const tenant = new Tenant(worker);
    assert.equal(
      await selectedProtocol(tenant, METHODS["a subprotocol"](tenant.token())),
      "session-events",
    );
    const headers = headersOf(METHODS["a subprotocol"](tenant.token()));
    const response = await requestUpgrade(tenant, headers);
    assert.equal(response.status, 101);
    assert.equal(response.headers.get("sec-websocket-protocol"), "session-events");
  });

  test("session-events is in the response also without a token, or with one in the header", async () => {
    const tenant = new Tenant(worker);
    assert.equal(
      await selectedProtocol(tenant, { protocols: ["session-events"] }),
      "session-events",
    );
    const headers = { authorization: `Bearer ${tenant.token()}` };
    assert.equal(
      await selectedProtocol(tenant, { protocols: ["session-events"], headers }),
      "session-events",
    );
  });

  test("is absent from the response if none was offered, or only an unknown one", async () => {
    const tenant = new Tenant(worker);
    for (const headers of [
      upgradeHeaders,
      { ...upgradeHeaders, "sec-websocket-protocol": "chat" },
      headersOf(METHODS["the Authorization header"](tenant.token())),
    ]) {
      const response = await requestUpgrade(tenant, headers);
      assert.equal(response.status, 101);
      assert.equal(response.headers.get("sec-websocket-protocol"), null);
    }
  });

  test("with a token and a header with another token get 400", async () => {
    const tenant = new Tenant(worker);
    const headers = headersOf({
      ...METHODS["a subprotocol"](tenant.token()),
      ...METHODS["the Authorization header"](tenant.token()),
    });
    await assertError(await requestUpgrade(tenant, headers), 400, "invalid_request");
  });
});

describe("subscribing", { concurrency: true }, () => {
  test("with the scheme DPoP gets 401 and a challenge of both schemes", async () => {
    const tenant = new Tenant(worker);
    const headers = { ...upgradeHeaders, authorization: `DPoP ${tenant.token()}` };
    const response = await requestUpgrade(tenant, headers);
    assert.match(
      response.headers.get("www-authenticate"),
      /^DPoP .*error="invalid_token".*algs="", Bearer realm="session-events"$/,
    );
    await assertError(response, 401, "invalid_token");
  });

  test("without an upgrade gets 426 before a token is verified", async () => {
    const tenant = new Tenant(worker);
    for (const headers of [
      {},
      { authorization: "Bearer invalid" },
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

  test("without a token ignores last_event_id in the query", async () => {
    const tenant = new Tenant(worker);
    const records = [slo(), slo()];
    await tenant.publish(...records);
    const subscriber = await tenant.connect({ query: `?last_event_id=${records[0].log_id}` });
    assert.equal("recovered" in (await subscriber.authenticate(tenant.token())), false);
    assert.deepEqual(await subscriber.drain(), records.map(eventOf));
  });

  test("ignores a token in the query", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.connect({ query: `?access_token=${tenant.token()}` });
    assert.deepEqual(await subscriber.drain(), []);
    assert.equal("sub" in (await tenant.listeners()).connections[0], false);
  });
});
