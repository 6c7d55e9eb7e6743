// How a client requests, renews and sends its tokens.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { slo, USER } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { NODES } from "./support/node_versions.mjs";
import { startClient } from "./support/recorded_client.mjs";
import { runModuleWith } from "./support/run_module.mjs";
import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";

const worker = await startWorker();
const SECOND = 1_000;

/** Connects to a tenant of the real Worker. `getToken` receives the tenant and the request. */
function startTenantClient({ tenant = new Tenant(worker), getToken, ...options }) {
  const requests = [];
  const started = startClient({
    url: worker.url,
    tenant: tenant.slug,
    getToken(request) {
      requests.push(request);
      return getToken(tenant, request);
    },
    ...options,
  });
  return { tenant, requests, ...started };
}

/** Returns a unique token with a lifetime in seconds. */
let sequence = 0;
const tokenFor = (tenant, seconds, claims) =>
  tenant.token({ exp: now() + seconds, jti: `${(sequence += 1)}`, ...claims });

describe("an expiring token", { concurrency: true }, () => {
  test("is renewed on the open socket, which stays open after its expiry", async () => {
    const { tenant, requests, waitForEvent, emitted, assertEvents } = startTenantClient({
      getToken: (tenant) => tokenFor(tenant, 8, { scope: "listen:events:self", sub: USER }),
      renewBefore: 4 * SECOND,
    });
    const { expiresAt } = await waitForEvent("connected");
    const renewed = await waitForEvent("renewed");
    assert.ok(renewed.expiresAt > expiresAt);
    assert.equal(renewed.claims.jti, `${sequence}`);
    await waitFor(() => Date.now() > expiresAt.getTime() + 100);
    const record = slo();
    await tenant.publish(record);
    await assertEvents(record.log_id);
    assert.equal(emitted("connecting").length, 1, "there was only one socket");
    assert.deepEqual(requests.slice(0, 2), [{ fresh: false }, { fresh: true }]);
  });

  test("ends the connection if it cannot be renewed, and the client reconnects with a fresh one", async () => {
    let failing = true;
    const { requests, waitForEvent, emitted } = startTenantClient({
      getToken(tenant, { fresh }) {
        if (fresh && failing) throw new Error("the issuer is unavailable");
        return tokenFor(tenant, fresh ? 600 : 8);
      },
      renewBefore: 4 * SECOND,
    });
    await waitForEvent("connected");
    assert.equal((await waitForEvent("error")).code, "token_unavailable");
    const { code } = await waitForEvent("connecting", 2);
    failing = false;
    assert.equal(code, 4419);
    await waitForEvent("connected", 2);
    assert.deepEqual(requests.at(-1), { fresh: true });
    assert.equal(emitted("disconnected").length, 0);
  });

  test("is not sent again if getToken returns the same one", async () => {
    const authentications = new Set();
    const { url, received } = await startScriptedServer(({ send, token }) => {
      authentications.add(token);
      const exp = Math.floor(Date.now() / 1000) + 2;
      send(authenticated({ claims: { exp }, expires_at: new Date(exp * 1000).toISOString() }));
    });
    const { waitForEvent } = startClient({ url, tenant: "acme", getToken: () => "the-only-one" });
    await waitForEvent("connected");
    assert.equal((await waitForEvent("error")).code, "token_unchanged");
    assert.deepEqual([...authentications], ["the-only-one"]);
    assert.ok(!received.some((text) => text.includes("authenticate")));
  });
});

describe("a token on a machine with a wrong clock", () => {
  for (const [clock, offset] of [
    ["an hour ahead", -3_600],
    ["an hour behind", 3_600],
  ]) {
    test(`is renewed on time if the clock is ${clock}`, async (t) => {
      let renewals = 0;
      let requested = 0;
      const { url, sockets } = await startScriptedServer(({ send, count }) => {
        renewals = count - 1;
        const iat = Math.floor(Date.now() / 1000) + offset;
        const exp = iat + 600;
        send(
          authenticated({ claims: { iat, exp }, expires_at: new Date(exp * 1000).toISOString() }),
        );
      });
      const { client, waitForAccepted } = await startWithMockedTimers(t, {
        url,
        getToken: () => `token-${(requested += 1)}`,
      });
      if (offset < 0) {
        // By the local clock the token has expired, so the client requests a fresh one. Its lifetime
        // does not depend on the clock.
        t.mock.timers.tick(SECOND);
        await waitForAccepted(2);
      }
      // The client requests a token as soon as the timer fires, so `requested` changes at once.
      const before = { renewals, requested };
      t.mock.timers.tick(565 * SECOND);
      assert.equal(requested, before.requested, "not too early");
      t.mock.timers.tick(10 * SECOND);
      assert.equal(requested, before.requested + 1, "on time");
      await waitWithoutTimers(() => renewals === before.renewals + 1);
      client.close();
      // The close timer of this client must not be cleared in the mocked timers of the next test.
      await waitWithoutTimers(() => sockets.size === 0);
    });
  }
});

describe("a renewal", () => {
  test("is repeated later with the same token if the server has received too many of them", async (t) => {
    const { url, authentications, sockets } = await startScriptedServer(({ send, count }) =>
      send(count === 2 ? { type: "error", error: "too_many_requests" } : expiringIn(60)),
    );
    let requested = 0;
    const { client, emitted, waitForAccepted } = await startWithMockedTimers(t, {
      url,
      getToken: () => `token-${(requested += 1)}`,
    });
    t.mock.timers.tick(30 * SECOND);
    await waitWithoutTimers(() => emitted("error").length === 1);
    t.mock.timers.tick(10 * SECOND);
    assert.equal(authentications.length, 2, "not too early");
    t.mock.timers.tick(SECOND);
    await waitForAccepted(2);
    assert.deepEqual(
      authentications.map(({ token }) => token),
      ["token-1", "token-2", "token-2"],
    );
    assert.equal(emitted("connecting").length, 1, "there was only one socket");
    client.close();
    await waitWithoutTimers(() => sockets.size === 0);
  });

  test("of a token with a short lifetime takes place every ten seconds, which the server allows", async (t) => {
    const { url, sockets } = await startScriptedServer(({ send }) => send(expiringIn(12)));
    let requested = 0;
    const { client, waitForAccepted } = await startWithMockedTimers(t, {
      url,
      getToken: () => `token-${(requested += 1)}`,
    });
    t.mock.timers.tick(6 * SECOND);
    await waitForAccepted(2);
    t.mock.timers.tick(9 * SECOND);
    assert.equal(requested, 2);
    t.mock.timers.tick(SECOND);
    assert.equal(requested, 3);
    await waitForAccepted(3);
    client.close();
    await waitWithoutTimers(() => sockets.size === 0);
  });

  test("that is not accepted before the earlier token expires leaves a token for the next socket", async () => {
    const { url, authentications } = await startScriptedServer(({ socket, send, count }) => {
      if (count !== 2) return send(expiringIn(count === 1 ? 2 : 600));
      send({ type: "error", error: "too_many_requests" });
      socket.close(4419);
    });
    const { waitForEvent, emitted } = startClient({
      url,
      tenant: "acme",
      getToken: ({ fresh }) => (fresh ? "new" : "old"),
    });
    await waitForEvent("connected", 2);
    assert.deepEqual(
      authentications.map(({ token }) => token),
      ["old", "new", "new"],
    );
    assert.deepEqual(
      emitted("error").map(({ code }) => code),
      ["too_many_requests"],
    );
  });
});

/** The message with which a server accepts a token that expires in this number of seconds. */
function expiringIn(seconds) {
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + seconds;
  return authenticated({ claims: { iat, exp }, expires_at: new Date(exp * 1000).toISOString() });
}

/** Connects a client whose timers run only when the test says so. */
async function startWithMockedTimers(t, options) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const started = startClient({ tenant: "acme", pingInterval: 3_600 * SECOND, ...options });
  t.mock.timers.tick(0);
  const { emitted } = started;
  /** Waits until the server has accepted this number of tokens. */
  const waitForAccepted = (count) =>
    waitWithoutTimers(() => emitted("connected").length + emitted("renewed").length === count);
  await waitForAccepted(1);
  await waitWithoutTimers(() => emitted("caughtUp").length > 0);
  return { ...started, waitForAccepted };
}

/** Waits for a condition without timers, because the tests mock them. */
async function waitWithoutTimers(condition) {
  for (const end = Date.now() + 15_000; !condition(); await new Promise(setImmediate))
    assert.ok(Date.now() < end, "the condition was not met in time");
}

describe("a rejected token", { concurrency: true }, () => {
  test("is never sent again, and the next request is for a fresh one", async () => {
    const tokens = [];
    const { requests, waitForEvent, emitted } = startTenantClient({
      getToken(tenant, { fresh }) {
        const token = fresh ? tenant.token() : tenant.token({ exp: now() - 60 });
        tokens.push(token);
        return token;
      },
    });
    await waitForEvent("connected");
    // A failed upgrade has no reason. The second attempt sends the token in a message and gets one.
    assert.deepEqual(
      emitted("connecting").map(({ code }) => code),
      [0, 1006, 4401],
    );
    assert.deepEqual(
      requests.map(({ fresh }) => fresh),
      [false, false, true],
    );
    const [error] = emitted("error");
    assert.equal(error.code, "invalid_token");
    assert.match(error.message, /has expired/);
    for (const token of tokens)
      assert.ok(!emitted("error").some((error) => String(error).includes(token)));
  });

  test("is not sent again if getToken returns the same one", async () => {
    const { url, authentications } = await startScriptedServer(({ socket, send }) => {
      send({ type: "authentication_failed", error: "invalid_token", error_description: "No." });
      socket.close(4401);
    });
    const { waitForEvent, emitted } = startClient({
      url,
      tenant: "acme",
      getToken: () => "the-only-one",
    });
    assert.equal((await waitForEvent("error", 3)).code, "token_unchanged");
    assert.equal(emitted("error")[0].code, "invalid_token");
    assert.equal(authentications.length, 1);
    assert.equal(emitted("disconnected").length, 0, "the client keeps retrying");
  });

  test("that was fresh makes the delays ten times as long until a token is accepted", async () => {
    const DELAY = 20;
    const { url, authentications } = await startScriptedServer(({ socket, send, count }) => {
      if (count === 6) return send(authenticated());
      send({ type: "authentication_failed", error: "invalid_token", error_description: "No." });
      socket.close(4401);
    });
    let freshTokens = 0;
    const { waitForEvent, emitted } = startClient({
      url,
      tenant: "acme",
      getToken: ({ fresh }) => `token-${(freshTokens += fresh)}`,
      minReconnectDelay: DELAY,
      maxReconnectDelay: DELAY,
    });
    await waitForEvent("caughtUp");
    assert.deepEqual(
      emitted("connecting").map(({ delay }) => delay / DELAY),
      [0, 1, 10, 10, 10, 10],
    );
    assert.equal(new Set(authentications.map(({ token }) => token)).size, 6);
  });

  test("without the required permission stops the client, and the error names the permission", async () => {
    const { client, waitForEvent, emitted } = startTenantClient({
      getToken: (tenant) => tenant.token({ scope: "openid" }),
    });
    assert.deepEqual(await waitForEvent("disconnected"), {
      code: 4403,
      reason: "insufficient_scope",
    });
    assert.equal(client.state, "disconnected");
    assert.equal(emitted("error").length, 1);
    assert.equal(emitted("error")[0].code, "insufficient_scope");
    assert.match(emitted("error")[0].message, /listen:events:self/);
  });
});

describe("an application without a token", { concurrency: true }, () => {
  for (const [name, getToken, cause] of [
    ["rejects", () => Promise.reject(new Error("login_required")), /login_required/],
    [
      "throws",
      () => {
        throw new Error("login_required");
      },
      /login_required/,
    ],
    ["returns undefined", () => undefined, /undefined/],
    ["returns an empty string", () => "", /undefined/],
  ]) {
    test(`is called again until it returns one (getToken ${name})`, async () => {
      let failures = 0;
      const tenant = new Tenant(worker);
      const { waitForEvent, emitted, requests } = startTenantClient({
        tenant,
        getToken: () => ((failures += 1) < 4 ? getToken() : tenant.token()),
      });
      await waitForEvent("connected");
      assert.ok(requests.every(({ fresh }) => !fresh));
      assert.equal(emitted("error").length, 3);
      for (const error of emitted("error")) {
        assert.equal(error.code, "token_unavailable");
        assert.match(String(error.cause), cause);
      }
    });
  }

  test("does not block a connection attempt for longer than the timeout", async () => {
    const tenant = new Tenant(worker);
    const { waitForEvent, requests } = startTenantClient({
      tenant,
      getToken: () => (requests.length === 1 ? new Promise(() => {}) : tenant.token()),
      connectTimeout: 1_000,
    });
    assert.deepEqual((await waitForEvent("connecting", 2)).reason, "no answer in time");
    const { code, message } = await waitForEvent("error");
    assert.equal(code, "token_unavailable");
    assert.match(message, /did not return within 1000 ms/);
    await waitForEvent("connected");
  });
});

describe("the token is sent", { concurrency: true }, () => {
  const accept = ({ send }) => send(authenticated());

  test("in the upgrade request together with last_event_id", async () => {
    const { url, authentications } = await startScriptedServer(accept);
    const { waitForEvent } = startClient({
      url,
      tenant: "acme",
      getToken: () => "a.b.c",
      lastEventId: "9+ü",
    });
    await waitForEvent("caughtUp");
    assert.deepEqual(authentications, [
      { transport: "upgrade", token: "a.b.c", lastEventId: "9+ü" },
    ]);
  });

  test("in a message to a server that does not accept tokens in the upgrade request", async () => {
    const { url, authentications, sockets } = await startScriptedServer(accept, {
      subprotocol: false,
    });
    const { waitForEvent } = startClient({
      url,
      tenant: "acme",
      getToken: () => "a.b.c",
      lastEventId: "9",
    });
    await waitForEvent("caughtUp");
    const inMessage = { transport: "message", token: "a.b.c", lastEventId: "9" };
    assert.deepEqual(authentications.at(-1), inMessage);
    // The next attempt starts with the transport that worked.
    const before = authentications.length;
    for (const socket of sockets) socket.terminate();
    await waitForEvent("caughtUp", 2);
    assert.deepEqual(authentications.slice(before), [inMessage]);
  });

  describe("in a message if a proxy removes the subprotocols from the upgrade request", () => {
    /** A server that never sees the token of the upgrade request. */
    const startBehindProxy = () =>
      startScriptedServer(({ send, transport }) => transport === "message" && accept({ send }), {
        subprotocol: false,
      });
    /** Opens the socket although the server chose no subprotocol, as Node 22 does. */
    const Lenient = class extends WebSocket {
      constructor(url) {
        super(url);
      }
    };
    const WithoutProtocol = class extends Lenient {
      get protocol() {
        return undefined;
      }
    };

    test("and the platform opens the socket", async () => {
      const { url, authentications } = await startBehindProxy();
      const options = { url, tenant: "acme", getToken: () => "a.b.c", lastEventId: "9" };
      const { waitForEvent, emitted } = startClient({ ...options, WebSocket: Lenient });
      await waitForEvent("caughtUp");
      assert.deepEqual(authentications, [
        { transport: "message", token: "a.b.c", lastEventId: "9" },
      ]);
      assert.equal(emitted("connecting").length, 1, "the first socket is used");
    });

    test("and the client learns it only from the missing answer", async () => {
      const { url } = await startBehindProxy();
      const { waitForEvent, emitted } = startClient({
        url,
        tenant: "acme",
        getToken: () => "a.b.c",
        WebSocket: WithoutProtocol,
        connectTimeout: 1_000,
      });
      await waitForEvent("caughtUp");
      assert.equal(emitted("connecting")[1].reason, "no answer in time");
    });

    for (const node of NODES) {
      test(`in each Node version (${node})`, async () => {
        const { url } = await startBehindProxy();
        const script = `
          import { SessionEvents } from "session-events";
          import WsWebSocket from "ws";
          const client = new SessionEvents({
            url: "${url}",
            tenant: "acme",
            getToken: () => "a.b.c",
            WebSocket: globalThis.WebSocket ?? WsWebSocket,
          });
          client.on("caughtUp", () => client.close());
          client.connect();`;
        await runModuleWith(node, script);
      });
    }
  });

  test("in a message if it cannot be a subprotocol", async () => {
    const { url, authentications } = await startScriptedServer(accept);
    const { waitForEvent } = startClient({ url, tenant: "acme", getToken: () => "not, a JWT" });
    await waitForEvent("caughtUp");
    assert.deepEqual(authentications, [
      { transport: "message", token: "not, a JWT", lastEventId: undefined },
    ]);
  });

  test("in the upgrade request again after network failures", async () => {
    const { url, authentications } = await startScriptedServer(({ socket, send, count }) => {
      send(authenticated());
      if (count < 3) socket.close(1001);
    });
    const FlakyWebSocket = class extends WebSocket {
      constructor(address, ...rest) {
        super((attempts += 1) <= 2 ? "ws://127.0.0.1:1/" : address, ...rest);
      }
    };
    let attempts = 0;
    const { waitForEvent } = startClient({
      url,
      tenant: "acme",
      getToken: () => "a.b.c",
      WebSocket: FlakyWebSocket,
    });
    await waitForEvent("connected", 3);
    assert.deepEqual(
      authentications.map(({ transport }) => transport),
      ["upgrade", "upgrade", "upgrade"],
    );
  });
});
