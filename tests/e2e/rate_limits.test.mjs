// The rate limits that Cloudflare counts: failed requests per client address, and requests of a user
// per subject. The Worker refuses further requests without calling the tenant object. Valid requests
// from the same address still succeed, because several clients may share it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { terminateAll, openSocket } from "../support/sockets.mjs";
import { assertError } from "../support/http.mjs";
import { withinOneMinute } from "../support/one_minute.mjs";
import { slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const LIMIT = 5;
const worker = await startWorker({
  configure: (wranglerToml) => wranglerToml.replaceAll(/limit = \d+/g, `limit = ${LIMIT}`),
});

let addresses = 0;
/** Returns an address that no other test uses. */
const newAddress = () => `203.0.113.${(addresses += 1)}`;
/** Returns the first 64 bits of IPv6 addresses that no other test uses. */
const newNetwork = () => `2001:db8:0:${(addresses += 1)}`;
/** Declares a test whose requests all count towards one limit. */
const testInOneMinute = (behavior, scenario) => test(behavior, () => withinOneMinute(scenario));
/** The header in which Cloudflare passes the client address. */
const from = (address) => ({ "cf-connecting-ip": address });

const forged = { authorization: "Bearer e30.e30.e30" };

async function assertTooMany(response) {
  assert.equal(response.headers.get("retry-after"), "60");
  await assertError(response, 429, "too_many_requests");
}

/** Returns true if the tenant object already exists. Creates it as a side effect. */
async function objectExists(tenant) {
  const before = (await worker.objects()).length;
  await tenant.fetch("/api/_debug", { headers: from(newAddress()) });
  return (await worker.objects()).length === before;
}

const FAILURES = {
  "a request with an invalid access token": (tenant, headers) =>
    tenant.fetch("/api/events", { headers: { ...headers, ...forged } }),
  "a request without an access token": (tenant, headers) =>
    tenant.fetch("/api/listeners", { headers }),
  "an upgrade with an invalid access token": (tenant, headers) =>
    openSocket(tenant.subscribeUrl(), { ...headers, ...forged }),
  "a batch with an invalid publish token": (tenant, headers) =>
    tenant.post(JSON.stringify([slo()]), { ...headers, authorization: "wrong" }),
  "a batch without a publish token": (tenant, headers) =>
    tenant.post(JSON.stringify([slo()]), headers),
};

describe("over the rate limit", { concurrency: true }, () => {
  for (const [failure, attempt] of Object.entries(FAILURES)) {
    testInOneMinute(`${failure} gets 429 and does not reach the tenant object`, async () => {
      const tenant = new Tenant(worker);
      const address = newAddress();
      for (let count = 0; count < LIMIT; count += 1)
        assert.equal((await attempt(tenant, from(address))).status, 401);
      await assertTooMany(await attempt(tenant, from(address)));
      assert.equal((await attempt(tenant, from(newAddress()))).status, 401, "another address");
      assert.equal(await objectExists(tenant), false);
    });
  }

  testInOneMinute(
    "an unauthenticated request for health or debug information gets 429 and does not reach the tenant object",
    async () => {
      const [first, second] = [new Tenant(worker), new Tenant(worker)];
      const headers = from(newAddress());
      for (let count = 0; count < LIMIT; count += 1)
        await first.fetch(count % 2 ? "/api/health" : "/api/_debug", { headers });
      await assertTooMany(await second.fetch("/api/health", { headers }));
      await assertTooMany(await second.fetch("/api/_debug", { headers }));
      assert.equal(await objectExists(second), false);
      assert.equal(
        (await second.fetch("/_debug", { headers })).status,
        200,
        "the Worker responds without the object",
      );
    },
  );

  testInOneMinute(
    "an upgrade without a token gets 429 and does not reach the tenant object",
    async () => {
      const [first, second] = [new Tenant(worker), new Tenant(worker)];
      const address = newAddress();
      for (let count = 0; count < LIMIT; count += 1)
        terminateAll([await openSocket(first.subscribeUrl(), from(address))]);
      await assertTooMany(await openSocket(first.subscribeUrl(), from(address)));
      await assertTooMany(await openSocket(second.subscribeUrl(), from(address)));
      assert.equal(await objectExists(second), false);
      terminateAll([await openSocket(first.subscribeUrl(), from(newAddress()))]);
    },
  );
});

describe("an address over the rate limit", { concurrency: true }, () => {
  const tenant = new Tenant(worker);

  testInOneMinute("can still make requests with a valid token", async () => {
    const headers = from(newAddress());
    const forge = () => tenant.fetch("/api/events", { headers: { ...headers, ...forged } });
    for (let count = 0; count < LIMIT; count += 1) await forge();
    await assertTooMany(await forge());
    const bearer = { authorization: `Bearer ${tenant.token()}` };
    const events = await tenant.fetch("/api/events", { headers: { ...headers, ...bearer } });
    assert.equal(events.status, 200);
    const socket = await openSocket(tenant.subscribeUrl(), { ...headers, ...bearer });
    assert.equal(socket.readyState, socket.OPEN);
    terminateAll([socket]);
    const published = await tenant.post(JSON.stringify([slo()]), {
      ...headers,
      authorization: publishToken(tenant.domain),
    });
    assert.equal(published.status, 200);
  });

  testInOneMinute("of IPv6 counts as its whole /64 network", async () => {
    const attempt = (address) =>
      tenant.fetch("/api/events", { headers: { ...forged, ...from(address) } });
    const [network, neighbour] = [newNetwork(), newNetwork()];
    for (let host = 1; host <= LIMIT; host += 1)
      assert.equal((await attempt(`${network}::${host}`)).status, 401);
    await assertTooMany(await attempt(`${network}::ffff`));
    assert.equal((await attempt(`${neighbour}::1`)).status, 401);
  });
});

describe("a subject over the rate limit", { concurrency: true }, () => {
  const SELF = "listen:events:self";
  const bearer = (token) => ({ authorization: `Bearer ${token}` });

  const get = (path) => (tenant, headers) => tenant.fetch(path, { headers });
  const introspect = (tenant, headers) =>
    tenant.fetch("/api/introspect", {
      method: "POST",
      headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
      body: "token=x",
    });
  const upgrade = (tenant, headers) => openSocket(tenant.subscribeUrl(), headers);
  const FORBIDDEN = [
    ["subscribing without a permission", "openid", upgrade],
    ["listing sockets", SELF, get("/api/listeners")],
    ["reading events", SELF, get("/api/events")],
    ["reading revocations", `${SELF} listen:events`, get("/api/revocations")],
    ["introspecting", `${SELF} listen:events`, introspect],
  ];
  for (const [action, scope, attempt] of FORBIDDEN) {
    testInOneMinute(
      `gets 429 instead of 403 for ${action}, from any address and with any token`,
      async () => {
        const tenant = new Tenant(worker);
        const send = (sub, jti) => {
          const headers = bearer(tenant.token({ sub, scope, jti }));
          return attempt(tenant, { ...headers, ...from(newAddress()) });
        };
        for (let count = 0; count < LIMIT; count += 1) {
          await assertError(await send("auth0|jane", `${count}`), 403, "insufficient_scope");
        }
        await assertTooMany(await send("auth0|jane", "last"));
        assert.equal((await send("auth0|john", "0")).status, 403, "another subject");
      },
    );
  }

  testInOneMinute("that listens to its own events gets 429 on the upgrade", async () => {
    const tenant = new Tenant(worker);
    const open = (sub) => upgrade(tenant, bearer(tenant.token({ sub, scope: SELF })));
    for (let count = 0; count < LIMIT; count += 1) terminateAll([await open("auth0|jane")]);
    await assertTooMany(await open("auth0|jane"));
    terminateAll([await open("auth0|john")]);
    const other = new Tenant(worker);
    const sameSubject = bearer(other.token({ sub: "auth0|jane", scope: SELF }));
    terminateAll([await upgrade(other, sameSubject)]);
  });

  test("that listens to all events is not limited", async () => {
    const tenant = new Tenant(worker);
    for (let count = 0; count <= LIMIT; count += 1) {
      const socket = await upgrade(tenant, bearer(tenant.token()));
      assert.equal(socket.readyState, socket.OPEN);
      terminateAll([socket]);
      assert.equal((await tenant.get("/api/events")).status, 200);
    }
  });
});
