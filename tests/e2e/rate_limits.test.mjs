// How often one client address may fail. Whoever goes on is told so without the tenant's object
// being asked, and without harm to others, to whom the same address may belong.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { terminateAll, openSocket } from "../support/sockets.mjs";
import { assertError } from "../support/http.mjs";
import { slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const LIMIT = 5;
const worker = await startWorker({
  configure: (wranglerToml) => wranglerToml.replaceAll(/limit = \d+/g, `limit = ${LIMIT}`),
});

let addresses = 0;
/** An address that no other test has. */
const newAddress = () => `203.0.113.${(addresses += 1)}`;
/** What Cloudflare says of the client. */
const from = (address) => ({ "cf-connecting-ip": address });

const forged = { authorization: "Bearer e30.e30.e30" };

async function assertTooMany(response) {
  assert.equal(response.headers.get("retry-after"), "60");
  await assertError(response, 429, "too_many_requests");
}

/** Whether a tenant's object was ever needed. */
async function isTouched(tenant) {
  const before = (await worker.objects()).length;
  await tenant.fetch("/api/_debug", { headers: from(newAddress()) });
  return (await worker.objects()).length === before;
}

const KINDS = {
  "a request with a bad access token": (tenant, headers) =>
    tenant.fetch("/api/events", { headers: { ...headers, ...forged } }),
  "a request without an access token": (tenant, headers) =>
    tenant.fetch("/api/listeners", { headers }),
  "an upgrade with a bad access token": (tenant, headers) =>
    openSocket(tenant.subscribeUrl(), { ...headers, ...forged }),
  "a batch with a bad publish token": (tenant, headers) =>
    tenant.post(JSON.stringify([slo()]), { ...headers, authorization: "wrong" }),
  "a batch without a publish token": (tenant, headers) =>
    tenant.post(JSON.stringify([slo()]), headers),
};

describe("too many times", { concurrency: true }, () => {
  for (const [kind, attempt] of Object.entries(KINDS)) {
    test(`${kind} is answered with 429, and the object is left alone`, async () => {
      const tenant = new Tenant(worker);
      const address = newAddress();
      for (let count = 0; count < LIMIT; count += 1)
        assert.equal((await attempt(tenant, from(address))).status, 401);
      await assertTooMany(await attempt(tenant, from(address)));
      assert.equal((await attempt(tenant, from(newAddress()))).status, 401, "another address");
      assert.equal(await isTouched(tenant), false);
    });
  }

  test("a question that anybody may ask is answered with 429, and the object is left alone", async () => {
    const [first, second] = [new Tenant(worker), new Tenant(worker)];
    const headers = from(newAddress());
    for (let count = 0; count < LIMIT; count += 1)
      await first.fetch(count % 2 ? "/api/health" : "/api/_debug", { headers });
    await assertTooMany(await second.fetch("/api/health", { headers }));
    await assertTooMany(await second.fetch("/api/_debug", { headers }));
    assert.equal(await isTouched(second), false);
    assert.equal((await second.fetch("/_debug", { headers })).status, 200, "needs no object");
  });

  test("a socket without a token is answered with 429, and the object is left alone", async () => {
    const [first, second] = [new Tenant(worker), new Tenant(worker)];
    const address = newAddress();
    for (let count = 0; count < LIMIT; count += 1)
      terminateAll([await openSocket(first.subscribeUrl(), from(address))]);
    await assertTooMany(await openSocket(first.subscribeUrl(), from(address)));
    await assertTooMany(await openSocket(second.subscribeUrl(), from(address)));
    assert.equal(await isTouched(second), false);
    terminateAll([await openSocket(first.subscribeUrl(), from(newAddress()))]);
  });
});

describe("an address that has failed too often", { concurrency: true }, () => {
  const blocked = newAddress();
  const tenant = new Tenant(worker);
  const headers = from(blocked);

  test("is still heard where it has a good token, for others may share it", async () => {
    for (let count = 0; count <= LIMIT; count += 1)
      await tenant.fetch("/api/events", { headers: { ...headers, ...forged } });
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

  test("of IPv6 is every address of its network", async () => {
    const attempt = (host) =>
      tenant.fetch("/api/events", { headers: { ...forged, ...from(`2001:db8:0:1::${host}`) } });
    for (let host = 1; host <= LIMIT; host += 1) assert.equal((await attempt(host)).status, 401);
    await assertTooMany(await attempt("ffff"));
    const neighbour = from("2001:db8:0:2::1");
    const other = await tenant.fetch("/api/events", { headers: { ...forged, ...neighbour } });
    assert.equal(other.status, 401);
  });
});
