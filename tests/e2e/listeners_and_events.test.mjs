// The two routes with which an operator looks in: who listens, and what was last sent.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { eventOf, sapi, scp, slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** Waits until `listeners` counts this many. */
const countBecomes = (tenant, count) =>
  waitFor(async () => {
    const answer = await tenant.listeners();
    return answer.count === count && answer;
  });

describe("listeners", { concurrency: true }, () => {
  test("counts nobody at first", async () => {
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
    const shown = connections.map(({ connected_on, ...rest }) => rest);
    shown.sort((one, two) => one.filter.localeCompare(two.filter));
    assert.deepEqual(shown, [
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

  test("forgets a socket that closed", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe({ sub: "leaves" });
    await tenant.subscribe({ sub: "stays" });
    await listener.close(1000);
    const { connections } = await countBecomes(tenant, 1);
    assert.equal(connections[0].sub, "stays");
  });

  test("forgets a socket whose connection broke", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe();
    listener.socket.terminate();
    await countBecomes(tenant, 0);
  });
});

describe("events", { concurrency: true }, () => {
  test("is empty at first", async () => {
    assert.deepEqual(await new Tenant(worker).events(), []);
  });

  test("shows the events newest first, as the listeners get them", async () => {
    const tenant = new Tenant(worker);
    const records = [slo(), scp(), sapi(), slo({ user_id: "auth0|other", details: {} })];
    await tenant.publish(records[0], records[1]);
    await tenant.publish(records[2], records[3]);
    assert.deepEqual(await tenant.events(), records.map(eventOf).reverse());
  });

  test("goes by the order of arrival, whatever the dates say", async () => {
    const tenant = new Tenant(worker);
    const late = slo({ date: "2030-01-01T00:00:00.000Z" });
    const early = slo({ date: "2020-01-01T00:00:00.000Z" });
    await tenant.publish(late);
    await tenant.publish(early);
    assert.deepEqual(
      (await tenant.events()).map(({ id }) => id),
      [early.log_id, late.log_id],
    );
  });

  test("shows the last hundred and no more", async () => {
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

describe("either route", { concurrency: true }, () => {
  const REALM = 'Bearer realm="session-events"';

  for (const route of ["/api/listeners", "/api/events"]) {
    test(`${route} asks for a token without an error code when none is presented`, async () => {
      const response = await new Tenant(worker).fetch(route);
      assert.equal(response.headers.get("www-authenticate"), REALM);
      await assertError(response, 401, "invalid_token");
    });

    test(`${route} refuses a bad token and says so as RFC 6750 wants it`, async () => {
      const response = await new Tenant(worker).get(route, "no.such.token");
      const challenge = response.headers.get("www-authenticate");
      const { error_description } = await assertError(response, 401, "invalid_token");
      assert.equal(
        challenge,
        `${REALM}, error="invalid_token", error_description="${error_description}"`,
      );
      assert.doesNotMatch(error_description, /["\\]/, "quoted as it stands in the header");
    });

    test(`${route} refuses a token with other rights and names the one that is missing`, async () => {
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

    test(`${route} takes the right from scope or from permissions, whatever else is granted`, async () => {
      const tenant = new Tenant(worker);
      for (const claims of [
        { scope: "openid listen:events profile" },
        { scope: undefined, permissions: ["read:users", "listen:events"] },
        { scope: "listen:events listen:events:self" },
        { scope: "listen:events:self", permissions: ["listen:events"] },
      ]) {
        assert.equal(
          (await tenant.get(route, tenant.token(claims))).status,
          200,
          JSON.stringify(claims),
        );
      }
    });

    test(`${route} is not opened by the publish token`, async () => {
      const tenant = new Tenant(worker);
      await assertError(await tenant.get(route, publishToken(tenant.domain)), 401, "invalid_token");
    });

    test(`${route} takes credentials of another kind for none`, async () => {
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

    test(`${route} takes a token in the query for none at all`, async () => {
      const tenant = new Tenant(worker);
      const response = await tenant.fetch(`${route}?access_token=${tenant.token()}`);
      await assertError(response, 401, "invalid_token");
    });
  }
});
