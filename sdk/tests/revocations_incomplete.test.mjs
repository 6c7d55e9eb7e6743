// A list that is too small for the user-wide revocations of the server.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startRevocations } from "./support/recorded_revocations.mjs";
import { startRevocationsProxy } from "./support/revocations_proxy.mjs";

const dateAgo = (seconds) => new Date((now() - seconds) * 1000).toISOString();
/** The rows of a page: one user-wide revocation per name, the oldest first. */
const rowsOf = (...names) =>
  names.map((name, index) => ({
    user_id: `auth0|${name}`,
    type: "user_blocked",
    date: dateAgo(300 - index),
  }));
const eventOf = (name) => ({ id: name, revokes: "user", ...rowsOf(name)[0], date: dateAgo(0) });
const ended = (index) => ({
  id: `session-${index}`,
  type: "logout",
  revokes: "session",
  user_id: `auth0|${index}`,
  session_id: "s",
  date: dateAgo(0),
});

/** The codes without those of the lost connection. */
const incompleteCodes = (codes) => codes().filter((code) => code === "revocations_incomplete");

/**
 * Starts a client with at most two entries. `pages` are the rows of the snapshots, one page each; the
 * last one is repeated. `send` sends an event.
 */
async function start({ pages, ...options }) {
  let send;
  const server = await startScriptedServer((script) => {
    ({ send } = script);
    send(authenticated());
  });
  const pageProxy = await startRevocationsProxy(server.url, ({ count }) => ({
    status: 200,
    body: { revocations: pages[Math.min(count, pages.length) - 1], last_event_id: null },
  }));
  const proxy = await startFaultyProxy(pageProxy.url);
  const started = startRevocations({
    url: proxy.url,
    tenant: "acme",
    getToken: () => "token",
    maxEntries: 2,
    ...options,
  });
  await started.revocations.ready;
  const codeOf = (name) => started.codeOf({ sub: `auth0|${name}`, iat: now() - 600 });
  return { ...started, proxy, pageProxy, codeOf, send: (event) => send(event) };
}

describe("a list that is too small for all user-wide revocations", { concurrency: true }, () => {
  test("is reported once, and refuses tokens that it does not know although it is connected", async () => {
    const { revocations, errors, codes, codeOf, send } = await start({
      pages: [rowsOf("a", "b", "c", "d")],
    });
    assert.deepEqual(codes(), ["revocations_incomplete"]);
    assert.match(errors[0].message, /increase maxEntries/);
    assert.equal(revocations.connection.state, "connected");
    assert.equal(revocations.connected, false);
    assert.deepEqual(["a", "b", "c", "d", "another"].map(codeOf), [
      "temporarily_unavailable",
      "temporarily_unavailable",
      "invalid_token",
      "invalid_token",
      "temporarily_unavailable",
    ]);
    send(eventOf("e"));
    await waitFor(() => codeOf("e") === "invalid_token");
    assert.deepEqual(codes(), ["revocations_incomplete"]);
  });

  test("accepts tokens that it does not know if whileDisconnected is pass", async () => {
    const { revocations, codeOf } = await start({
      pages: [rowsOf("a", "b", "c")],
      whileDisconnected: "pass",
    });
    assert.equal(revocations.connected, false);
    assert.deepEqual(["a", "c"].map(codeOf), ["passed", "invalid_token"]);
  });

  test("becomes incomplete by an event as well", async () => {
    const { revocations, codes, codeOf, send } = await start({ pages: [rowsOf("a", "b")] });
    assert.equal(revocations.connected, true);
    assert.equal(codeOf("another"), "passed");
    send(eventOf("c"));
    await waitFor(() => !revocations.connected);
    assert.deepEqual(codes(), ["revocations_incomplete"]);
    assert.equal(codeOf("another"), "temporarily_unavailable");
  });

  test("is not one that only drops session entries", async () => {
    const { revocations, codes, codeOf, send } = await start({ pages: [rowsOf("a", "b")] });
    for (let index = 0; index < 10; index += 1) send(ended(index));
    send({ ...eventOf("b"), id: "last", date: dateAgo(-1) });
    await waitFor(() => revocations.connection.lastEventId === "last");
    assert.equal(revocations.connected, true);
    assert.deepEqual(["a", "b", "another"].map(codeOf), [
      "invalid_token",
      "invalid_token",
      "passed",
    ]);
    assert.deepEqual(codes(), []);
  });

  test("is complete again after a new snapshot that fits", async () => {
    const { proxy, pageProxy, revocations, codes, codeOf } = await start({
      pages: [rowsOf("a", "b", "c"), rowsOf("a", "d")],
    });
    assert.equal(revocations.connected, false);
    proxy.disconnect();
    await waitFor(() => revocations.connection.state === "connecting");
    assert.equal(codeOf("c"), "invalid_token");
    proxy.restore();
    await waitFor(() => revocations.connected);
    assert.equal(pageProxy.pages.length, 2);
    assert.deepEqual(["a", "d", "another"].map(codeOf), [
      "invalid_token",
      "invalid_token",
      "passed",
    ]);
    assert.deepEqual(incompleteCodes(codes), ["revocations_incomplete"]);
  });

  test("stays incomplete after a new snapshot that does not fit, and is not reported again", async () => {
    const { proxy, pageProxy, revocations, codes, codeOf, send } = await start({
      pages: [rowsOf("a", "b", "c")],
    });
    proxy.disconnect();
    await waitFor(() => revocations.connection.state === "connecting");
    proxy.restore();
    await waitFor(() => pageProxy.pages.length === 2 && pageProxy.pages[1].closed);
    await waitFor(() => revocations.connection.state === "connected");
    send(eventOf("d"));
    await waitFor(() => codeOf("d") === "invalid_token");
    assert.equal(revocations.connected, false);
    assert.deepEqual(incompleteCodes(codes), ["revocations_incomplete"]);
  });

  test("can be closed in onError, and then requests no further page", async () => {
    const server = await startScriptedServer(({ send }) => send(authenticated()));
    const pageProxy = await startRevocationsProxy(server.url, ({ token }) => ({
      status: 200,
      body: { revocations: rowsOf("a", "b"), ...(token === "closed" ? { next: "1" } : {}) },
    }));
    const subscribe = (token, onError) =>
      startRevocations({
        url: pageProxy.url,
        tenant: "acme",
        getToken: () => token,
        maxEntries: 1,
        onError,
      });
    const closed = subscribe("closed", () => closed.revocations.close());
    await assert.rejects(closed.revocations.ready, { code: "revocations_incomplete" });
    assert.equal(closed.revocations.connected, false);
    // By the time another client has loaded its page, a further request would have arrived.
    await subscribe("another", () => {}).revocations.ready;
    assert.deepEqual(
      pageProxy.pages.map(({ token }) => token),
      ["closed", "another"],
    );
  });
});
