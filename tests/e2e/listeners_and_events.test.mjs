// The two routes for operators: /api/listeners lists the sockets, /api/events the last 100 events.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { eventOf, sapi, scp, slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
// Two challenges: the scheme of the request, and the scheme that is accepted.
const DPOP_CHALLENGE =
  /^DPoP realm="session-events", error="invalid_token", error_description="[^"]+", algs="", Bearer realm="session-events"$/;

/** Waits until /api/listeners reports this number of sockets, and returns its response. */
const waitForCount = (tenant, count) =>
  waitFor(async () => {
    const response = await tenant.listeners();
    return response.count === count && response;
  });

describe("/api/listeners", { concurrency: true }, () => {
  test("is empty for a new tenant", async () => {
    assert.deepEqual(await new Tenant(worker).listeners(), { count: 0, connections: [] });
  });

  test("shows each authenticated socket with its subject and its filter", async () => {
    const tenant = new Tenant(worker);
    const before = Date.now();
    await tenant.subscribe({ sub: "backend@clients" });
    await tenant.subscribe({ sub: "auth0|jane", scope: "listen:events:self" });
    const { count, connections } = await tenant.listeners();

    assert.equal(count, 2);
    for (const { connected_on } of connections) {
      assert.match(connected_on, UTC);
      const at = Date.parse(connected_on);
      assert.ok(at >= before - 1_000 && at <= Date.now() + 1_000, connected_on);
    }
    const entries = connections.map(({ connected_on, ...rest }) => rest);
    entries.sort((one, two) => one.filter.localeCompare(two.filter));
    assert.deepEqual(entries, [
      { sub: "backend@clients", filter: "*", terminated: false },
      { sub: "auth0|jane", filter: "self", terminated: false },
    ]);
  });

  test("shows an unauthenticated socket without subject and filter", async () => {
    const tenant = new Tenant(worker);
    await tenant.connect();
    const { count, connections } = await tenant.listeners();
    assert.equal(count, 1);
    assert.deepEqual(Object.keys(connections[0]).sort(), ["connected_on", "terminated"]);
    assert.match(connections[0].connected_on, UTC);
    assert.equal(connections[0].terminated, false);
  });

  test("omits a closed socket", async () => {
    const tenant = new Tenant(worker);
    const closing = await tenant.subscribe({ sub: "closing" });
    await tenant.subscribe({ sub: "staying" });
    await closing.close(1000);
    const { connections } = await waitForCount(tenant, 1);
    assert.equal(connections[0].sub, "staying");
  });

  test("omits a socket whose connection broke", async () => {
    const tenant = new Tenant(worker);
    const broken = await tenant.subscribe();
    broken.socket.terminate();
    await waitForCount(tenant, 0);
  });
});

describe("/api/events", { concurrency: true }, () => {
  test("is empty for a new tenant", async () => {
    assert.deepEqual(await new Tenant(worker).events(), []);
  });

  test("shows the events, latest first, as subscribers receive them", async () => {
    const tenant = new Tenant(worker);
    const records = [slo(), scp(), sapi(), slo({ user_id: "auth0|other", details: {} })];
    await tenant.publish(records[0], records[1]);
    await tenant.publish(records[2], records[3]);
    assert.deepEqual(await tenant.events(), records.map(eventOf).reverse());
  });

  test("orders events by arrival, not by date", async () => {
    const tenant = new Tenant(worker);
    const late = slo({ date: "2026-01-01T00:00:00.000Z" });
    const early = slo({ date: "2020-01-01T00:00:00.000Z" });
    await tenant.publish(late);
    await tenant.publish(early);
    assert.deepEqual(
      (await tenant.events()).map(({ id }) => id),
      [early.log_id, late.log_id],
    );
  });

  test("shows the last 100 events only", async () => {
    const tenant = new Tenant(worker);
    const records = Array.from({ length: 103 }, () => slo());
    await tenant.publish(...records.slice(0, 60));
    await tenant.publish(...records.slice(60));
    const ids = (await tenant.events()).map(({ id }) => id);
    assert.deepEqual(
      ids,
      records
        .slice(3)
        .map(({ log_id }) => log_id)
        .reverse(),
    );
  });
});

describe("authorization", { concurrency: true }, () => {
  const REALM = 'Bearer realm="session-events"';

  for (const route of ["/api/listeners", "/api/events"]) {
    test(`${route} without a token gets a challenge without an error code`, async () => {
      const response = await new Tenant(worker).fetch(route);
      assert.equal(response.headers.get("www-authenticate"), REALM);
      await assertError(response, 401, "invalid_token");
    });

    test(`${route} refuses an invalid token with a challenge as in RFC 6750`, async () => {
      const response = await new Tenant(worker).get(route, "no.such.token");
      const challenge = response.headers.get("www-authenticate");
      const { error_description } = await assertError(response, 401, "invalid_token");
      assert.equal(
        challenge,
        `${REALM}, error="invalid_token", error_description="${error_description}"`,
      );
      assert.doesNotMatch(error_description, /["\\]/, "it needs no escaping in the header");
    });

    test(`${route} refuses a token without listen:events and names that scope in the challenge`, async () => {
      const tenant = new Tenant(worker);
      for (const scope of ["listen:events:self", "", "read:users", undefined, "listen:eventsx"]) {
        const response = await tenant.get(route, tenant.token({ scope }));
        const challenge = response.headers.get("www-authenticate");
        await assertError(response, 403, "insufficient_scope");
        assert.match(
          challenge,
          /^Bearer realm="session-events", error="insufficient_scope", error_description="[^"]+", scope="listen:events"$/,
        );
      }
    });

    test(`${route} accepts listen:events in scope or in permissions, beside other permissions`, async () => {
      const tenant = new Tenant(worker);
      for (const claims of [
        { scope: "openid listen:events profile" },
        { scope: undefined, permissions: ["read:users", "listen:events"] },
      ]) {
        assert.equal(
          (await tenant.get(route, tenant.token(claims))).status,
          200,
          JSON.stringify(claims),
        );
      }
    });

    test(`${route} refuses the publish token`, async () => {
      const tenant = new Tenant(worker);
      await assertError(await tenant.get(route, publishToken(tenant.domain)), 401, "invalid_token");
    });

    test(`${route} refuses other kinds of credentials`, async () => {
      const tenant = new Tenant(worker);
      for (const authorization of [
        "Basic amFuZTpzZWNyZXQ=",
        "Bearer",
        "Bearer ",
        tenant.token().replaceAll(".", " "),
      ]) {
        const response = await tenant.fetch(route, { headers: { authorization } });
        assert.match(
          response.headers.get("www-authenticate") ?? "",
          /^Bearer realm="session-events"/,
          authorization,
        );
        await assertError(response, 401, "invalid_token");
      }
    });

    test(`${route} rejects the scheme DPoP with a challenge of both schemes`, async () => {
      const tenant = new Tenant(worker);
      const authorization = `DPoP ${tenant.token()}`;
      const response = await tenant.fetch(route, { headers: { authorization } });
      assert.match(response.headers.get("www-authenticate"), DPOP_CHALLENGE);
      await assertError(response, 401, "invalid_token");
    });

    test(`${route} ignores a token in the query`, async () => {
      const tenant = new Tenant(worker);
      const response = await tenant.fetch(`${route}?access_token=${tenant.token()}`);
      await assertError(response, 401, "invalid_token");
    });
  }
});
