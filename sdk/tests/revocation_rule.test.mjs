// The shared cases of the revocation rule, in each part of the SDK that applies it. The test of the
// React provider is in `browser/react.test.mjs`.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { revocation } from "session-events/express";
import { endsSession, RevocationList } from "session-events/revocation";

import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { revocationCases } from "./support/revocation_cases.mjs";
import { startRevocationsProxy } from "./support/revocations_proxy.mjs";
import "./support/real_fetch.mjs";

const cases = revocationCases();

describe("the list of revocations", () => {
  for (const { name, events, claims, revoked } of cases)
    test(name, () => {
      const list = new RevocationList();
      for (const event of events) list.add(event);
      assert.equal(list.revokedAt(claims) !== undefined, revoked);
    });
});

describe("endsSession", () => {
  for (const { name, events, claims, revoked } of cases.filter(({ events }) => events.length === 1))
    test(name, () => assert.equal(endsSession(events[0], claims), revoked));

  test("of one of several events is enough to revoke a token.", () => {
    for (const { name, events, claims, revoked } of cases) {
      const ended = events.some((event) => endsSession(event, claims));
      assert.equal(ended, revoked, name);
    }
  });
});

/** A server for all cases. The token of a client is the index of its case. */
const startServer = (eventsOf) =>
  startScriptedServer(({ send, token }) => {
    send(authenticated());
    for (const event of eventsOf(cases[token])) send(event);
  });

/** Checks the case with a middleware. Returns the error code, or "passed". */
async function check(url, { claims }, index) {
  const middleware = revocation({
    url,
    tenant: "acme",
    getToken: () => String(index),
    whileDisconnected: "refuse",
    onError: () => {},
  });
  after(() => middleware.close());
  await middleware.ready;
  return new Promise((resolve) =>
    middleware({ auth: claims }, {}, (error) => resolve(error?.code ?? "passed")),
  );
}

const expectedCode = ({ revoked }) => (revoked ? "invalid_token" : "passed");

describe("the middleware", { concurrency: true }, () => {
  test("applies the rule to events", async () => {
    const server = await startServer(({ events }) => events);
    const { url } = await startRevocationsProxy(server.url, () => ({ status: 404 }));
    const checkCase = async (one, index) =>
      assert.equal(await check(url, one, index), expectedCode(one), one.name);
    await Promise.all(cases.map(checkCase));
  });

  test("applies the rule to a snapshot", async () => {
    const server = await startServer(() => []);
    const { url } = await startRevocationsProxy(server.url, ({ token }) => {
      const entries = cases[token].events.filter(({ revokes }) => revokes);
      const rows = entries.map(({ id, revokes, ...row }) => row);
      return { status: 200, body: { revocations: rows, last_event_id: null } };
    });
    const checkCase = async (one, index) =>
      assert.equal(await check(url, one, index), expectedCode(one), one.name);
    await Promise.all(cases.map(checkCase));
  });
});
