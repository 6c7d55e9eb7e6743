// Rejecting revoked tokens across outages and reconnections.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, describe, mock, test } from "node:test";

import { WebSocketServer } from "ws";

import { scp } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { startRevocations } from "./support/recorded_revocations.mjs";
import { startRevocationsProxy } from "./support/revocations_proxy.mjs";

const worker = await startWorker();

const issued = (secondsAgo) => now() - secondsAgo;
const blocked = (user_id) => scp({ user_id, date: new Date().toISOString() });

/** Subscribes to a new tenant through a proxy that can be cut. */
async function start({ claims, ...options } = {}) {
  const tenant = new Tenant(worker);
  const proxy = await startFaultyProxy(worker.url);
  const getToken = () => tenant.token(claims);
  const started = startRevocations({ url: proxy.url, tenant: tenant.slug, getToken, ...options });
  return { tenant, proxy, ...started };
}

describe("the list of revocations", { concurrency: true }, () => {
  test("contains the revocations of an outage when the outage is over", async () => {
    const { tenant, proxy, revocations, codeOf, errors } = await start();
    await revocations.ready;
    await tenant.publish(blocked("auth0|one"));
    await waitFor(() => codeOf({ sub: "auth0|one", iat: issued(5) }) === "invalid_token");
    proxy.disconnect();
    await waitFor(() => !revocations.connected);
    assert.equal(codeOf({ sub: "auth0|two", iat: issued(5) }), "temporarily_unavailable");
    assert.equal(codeOf({ sub: "auth0|one", iat: issued(5) }), "invalid_token");
    await tenant.publish(blocked("auth0|two"));
    proxy.restore();
    await waitFor(() => revocations.connected);
    assert.equal(codeOf({ sub: "auth0|two", iat: issued(5) }), "invalid_token");
    assert.equal(codeOf({ sub: "auth0|three", iat: issued(5) }), "passed");
    assert.ok(!errors.some(({ code }) => code === "events_missed"));
  });

  test("cannot be loaded with a token that is limited to the backend's own events", async () => {
    const { revocations, codeOf, errors } = await start({
      claims: { scope: "listen:events listen:events:self" },
      whileDisconnected: "refuse",
    });
    await assert.rejects(revocations.ready, { code: "own_events_only", message: /listen:events/ });
    assert.equal(revocations.connected, false);
    assert.equal(revocations.connection.state, "disconnected");
    assert.equal(codeOf({ sub: "auth0|one", iat: now() }), "temporarily_unavailable");
    assert.deepEqual(
      errors.map(({ code }) => code),
      ["own_events_only"],
    );
  });

  test("cannot be loaded without the permission to subscribe", async () => {
    const { revocations, errors } = await start({ claims: { scope: "openid" } });
    await assert.rejects(revocations.ready, errors.at(-1));
    assert.ok(errors.length > 0);
  });

  test("rejects ready if it is closed before", async () => {
    const { revocations } = await start();
    revocations.close();
    await assert.rejects(revocations.ready);
  });

  test("logs errors to the console by default, without tokens", async () => {
    const written = [];
    mock.method(console, "warn", (...parts) => written.push(parts.join(" ")));
    const { tenant, revocations } = await start({
      claims: { scope: "openid" },
      onError: undefined,
    });
    await assert.rejects(revocations.ready);
    mock.restoreAll();
    assert.match(written.join("\n"), /^session-events: /);
    assert.doesNotMatch(written.join("\n"), /eyJ/);
    assert.ok(tenant);
  });

  test("is up to date only after the replay", async () => {
    const server = new WebSocketServer({
      port: 0,
      host: "127.0.0.1",
      handleProtocols: () => "session-events",
    });
    await once(server, "listening");
    after(() => server.close());
    const pageProxy = await startRevocationsProxy(
      `http://127.0.0.1:${server.address().port}`,
      () => ({
        status: 404,
      }),
    );
    const { revocations, codeOf } = startRevocations({
      url: pageProxy.url,
      tenant: "acme",
      getToken: () => "token",
    });
    const claims = { sub: "auth0|one", iat: issued(5) };
    const serve = async () => {
      const [socket] = await once(server, "connection");
      const send = (message) => socket.send(JSON.stringify(message));
      send({ type: "connected" });
      const expires_at = new Date(Date.now() + 3_600_000).toISOString();
      send({ type: "authenticated", sub: "me@clients", filter: "*", claims: {}, expires_at });
      await once(socket, "message");
      return { socket, send };
    };

    const first = await serve();
    assert.equal(revocations.connection.state, "connected");
    assert.equal(revocations.connected, false);
    assert.equal(codeOf(claims), "temporarily_unavailable");
    assert.deepEqual(pageProxy.pages, [], "no snapshot is requested yet");
    first.send({ type: "pong" });
    await revocations.ready;
    assert.equal(codeOf(claims), "passed");

    first.socket.terminate();
    const second = await serve();
    assert.equal(revocations.connection.state, "connected");
    assert.equal(revocations.connected, false, "the replay is not complete yet");
    const date = new Date().toISOString();
    second.send({ id: "1", type: "user_blocked", date, user_id: claims.sub });
    second.send({ type: "pong" });
    await waitFor(() => revocations.connected);
    assert.equal(codeOf(claims), "invalid_token");
  });
});
